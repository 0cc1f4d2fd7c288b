package io.connectferry;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The runner's request file: its flags as JSON, with _ for -. A file, and not arguments or the environment, because
 * Kestra renders both of those once more, and because they can be read by others.
 */
final class Request {
    private final Map<String, Object> fields = new LinkedHashMap<>();
    private final RunContext runContext;

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

    /** The clusters that the run works on. */
    Set<String> clusterNames() {
        return Stream.of("origin", "target", "cluster", "from").map(fields::get).filter(String.class::isInstance).map(String.class::cast)
            .collect(Collectors.toSet());
    }

    Object get(String field) {
        return fields.get(field);
    }

    byte[] json() throws JsonProcessingException {
        return JacksonMapper.ofJson().writeValueAsBytes(fields);
    }
}
