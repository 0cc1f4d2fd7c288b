package io.connectferry;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.property.URIFetcher;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The runner's request file: its flags as JSON, with _ for -. A file, and not arguments or the environment, because
 * Kestra renders both of those once more, and because they can be read by others.
 */
final class Request {
    private final Map<String, Object> fields = new LinkedHashMap<>();
    private final RunContext runContext;
    private Predicate<String> alsoUses = cluster -> false;

    Request(RunContext runContext) {
        this.runContext = runContext;
    }

    /** Sets a field unless the value is null. */
    Request put(String field, Object value) {
        if (value != null) {
            fields.put(field, value);
        }
        return this;
    }

    Request text(String field, Property<String> value) throws Exception {
        return put(field, runContext.render(value).as(String.class).filter(text -> !text.isBlank()).orElse(null));
    }

    Request flag(String field, Property<Boolean> value) throws Exception {
        return put(field, runContext.render(value).as(Boolean.class).orElse(null));
    }

    Request number(String field, Property<Integer> value) throws Exception {
        return put(field, runContext.render(value).as(Integer.class).orElse(null));
    }

    /** An enum's constant, which the runner names in small letters. */
    <E extends Enum<E>> Request choice(String field, Property<E> value, Class<E> type) throws Exception {
        return put(field, runContext.render(value).as(type).map(choice -> choice.name().toLowerCase(Locale.ROOT)).orElse(null));
    }

    /** Constants of an enum, which the runner names in small letters. */
    <E extends Enum<E>> Request choices(String field, Property<List<E>> value, Class<E> type) throws Exception {
        return value == null ? this : put(field, runContext.render(value).asList(type).stream()
            .map(choice -> type.cast(choice).name().toLowerCase(Locale.ROOT)).toList());
    }

    /** As ISO 8601 writes it, such as PT1M30S. */
    Request duration(String field, Property<Duration> value) throws Exception {
        return put(field, runContext.render(value).as(Duration.class).map(Duration::toString).orElse(null));
    }

    Request texts(String field, Property<List<String>> value) throws Exception {
        return value == null ? this : put(field, runContext.render(value).asList(String.class));
    }

    Request textMap(String field, Property<Map<String, String>> value) throws Exception {
        return value == null ? this : put(field, texts(runContext, field, value));
    }

    /** Renders what is named field in messages. They quote none of its values, which may be passwords. */
    static Map<String, String> texts(RunContext runContext, String field, Property<Map<String, String>> value) throws Exception {
        try {
            return runContext.render(value).asMap(String.class, String.class);
        } catch (IllegalVariableEvaluationException failure) {
            // Kestra wraps Jackson's failure once more if the object is not an expression as a whole.
            var cause = failure.getCause() instanceof IllegalArgumentException wrapped ? wrapped.getCause() : failure.getCause();
            if (cause instanceof JsonProcessingException) {
                throw new IllegalArgumentException("`" + field + "` is not an object of texts, expected names and values such as {\"tasks.max\": \"2\"}");
            }
            throw failure;
        }
    }

    /** A file in internal storage, of which the runner gets a copy in the folder. Returns its content. */
    byte[] file(String field, Property<String> value, PrivateFolder folder, String name) throws Exception {
        var uri = runContext.render(value).as(String.class).orElse("");
        if (!uri.startsWith("kestra://")) {
            throw new IllegalArgumentException("`" + field + "` is no file in internal storage, expected a URI that starts with kestra://");
        }
        var content = content(field, uri);
        folder.write(name, content);
        put(field, folder.fromWorkingDirectory(name));
        return content;
    }

    /** Reads a file that Kestra has. */
    byte[] content(String field, String uri) throws IOException {
        try (var content = URIFetcher.of(uri).fetch(runContext)) {
            return content.readAllBytes();
        } catch (FileNotFoundException | NoSuchFileException missing) {
            throw new IllegalArgumentException("`" + field + "` is " + uri + ", and there is no such file");
        }
    }

    /** Says which clusters the run works on besides those that its fields name. */
    void alsoUses(Predicate<String> clusters) {
        alsoUses = clusters;
    }

    /** Whether the run works on a cluster. */
    boolean uses(String cluster) {
        return Stream.of("origin", "target", "cluster", "from").map(fields::get).anyMatch(cluster::equals) || alsoUses.test(cluster);
    }

    Object get(String field) {
        return fields.get(field);
    }

    byte[] json() throws JsonProcessingException {
        return JacksonMapper.ofJson().writeValueAsBytes(fields);
    }
}
