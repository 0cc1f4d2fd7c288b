package engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.kestra.core.serializers.JacksonMapper;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes what happens as one JSON object per line. */
final class Events {
    private final PrintStream out;

    Events(PrintStream out) {
        this.out = out;
    }

    /** @param fields names and values in turn; a field whose value is null is left out */
    synchronized void write(String event, Object... fields) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", event);
        for (int index = 0; index < fields.length; index += 2) {
            if (fields[index + 1] != null) {
                line.put((String) fields[index], fields[index + 1]);
            }
        }
        try {
            out.println(JacksonMapper.ofJson().writeValueAsString(line));
            out.flush();
        } catch (JsonProcessingException failure) {
            throw new IllegalStateException("event " + event + " cannot be written as JSON", failure);
        }
    }
}
