package io.connectferry;

import com.fasterxml.jackson.databind.JsonNode;
import io.kestra.core.models.property.Property;
import io.kestra.core.serializers.JacksonMapper;
import org.junit.jupiter.api.Test;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Holds the properties of the tasks against the schema of the request file, which describes each of them once. */
class RequestSchemaTest {
    private static final List<Class<? extends AbstractFerryTask>> TASKS = List.of(Check.class, Move.class, Rollback.class, Status.class,
        Consolidate.class, Split.class, CreateStopped.class, FlushWait.class, Start.class, ConnectOffsetsGet.class, ConnectOffsetsPut.class,
        History.class, Plan.class, Report.class, Apply.class, Handover.class, Accept.class, Notify.class, Diff.class, Watch.class);

    private static final Map<Type, String> JSON_TYPES = Map.of(String.class, "string", Duration.class, "string", Boolean.class, "boolean",
        Integer.class, "integer", List.class, "array", Map.class, "object");

    /** Where a property is called otherwise in the request. */
    private static final Map<String, String> OTHER_NAMES = Map.of("connectors", "connector", "parts", "part", "wait_timeout", "timeout");

    /** What is Kestra's, or makes up the clusters document. */
    private static final Set<String> NOT_ASKED = Set.of("container_image", "connect_url", "username", "password", "headers");

    /** A document in the task, the path of its file in the request. */
    private static final Set<String> FILES = Set.of("config", "rules");

    /** What the tasks decide themselves. `Watch` looks once, and a trigger repeats it. */
    private static final Set<String> DECIDED = Set.of("output", "result", "out", "report", "markdown", "every", "for");

    @Test
    void tasksHaveThePropertiesOfTheSchema() throws Exception {
        var schema = JacksonMapper.ofJson().readTree(Files.readString(Path.of("../schemas/request.schema.json")));
        var properties = schema.get("properties");
        Set<String> asked = new TreeSet<>();
        for (var task : TASKS) {
            for (Class<?> declaring = task; declaring != AbstractFerryTask.class.getSuperclass(); declaring = declaring.getSuperclass()) {
                for (Field field : declaring.getDeclaredFields()) {
                    var snake = field.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
                    var name = OTHER_NAMES.getOrDefault(snake, snake);
                    if (!Modifier.isStatic(field.getModifiers()) && field.getType() == Property.class && !NOT_ASKED.contains(name)) {
                        asked.add(name);
                        var type = ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
                        var where = declaring.getSimpleName() + "." + field.getName();
                        assertTrue(properties.has(name), where + " is no property of the request");
                        assertTrue(typesOf(schema, properties.get(name)).contains(FILES.contains(name) ? "string" : jsonTypeOf(type)),
                            () -> where + " is " + type.getTypeName() + ", the request has " + properties.get(name));
                    }
                }
            }
        }
        properties.fieldNames().forEachRemaining(name ->
            assertTrue(asked.contains(name) || DECIDED.contains(name), "no task has the property " + name));
    }

    /** The JSON types that a property may have; a list of values counts as one, with the values in it. */
    private static Set<String> typesOf(JsonNode schema, JsonNode property) {
        if (property.has("enum")) {
            return Set.of(property.get("enum").valueStream().map(JsonNode::asText).sorted().toList().toString());
        }
        if (property.path("$ref").asText().startsWith("#")) {
            return typesOf(schema, schema.at(property.get("$ref").asText().substring(1)));
        }
        var types = property.has("else") ? property.at("/else/type") : property.path("type");
        return types.isArray() ? types.valueStream().map(JsonNode::asText).collect(Collectors.toSet()) : Set.of(types.asText());
    }

    private static String jsonTypeOf(Type type) {
        if (type instanceof Class<?> known && known.isEnum()) {
            return Arrays.stream(known.getEnumConstants()).map(value -> value.toString().toLowerCase(Locale.ROOT)).sorted().toList().toString();
        }
        var raw = type instanceof ParameterizedType of ? of.getRawType() : type;
        return Objects.requireNonNull(JSON_TYPES.get(raw), () -> "no JSON type is known for " + type.getTypeName());
    }
}
