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
import java.util.Set;
import java.util.TreeMap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Holds the properties of the tasks against the schema of the request file, which describes each of them once. */
class RequestSchemaTest {
    private static final List<Class<? extends AbstractFerryTask>> TASKS = List.of(Check.class, Move.class, Rollback.class, Status.class,
        CreateStopped.class, FlushWait.class, Start.class, ConnectOffsetsGet.class, ConnectOffsetsPut.class, History.class);

    /** Where a property is called otherwise in the request. */
    private static final Map<String, String> OTHER_NAMES = Map.of("connectors", "connector", "wait_timeout", "timeout");

    /** What is Kestra's, or makes up the clusters document. */
    private static final Set<String> NOT_ASKED = Set.of("container_image", "connect_url", "username", "password", "headers");

    /** What the tasks decide themselves. */
    private static final Set<String> DECIDED = Set.of("output", "result", "out");

    @Test
    void tasksHaveThePropertiesOfTheSchema() throws Exception {
        JsonNode properties = JacksonMapper.ofJson().readTree(Files.readString(Path.of("../schemas/request.schema.json"))).get("properties");
        Map<String, Type> asked = new TreeMap<>();
        for (var task : TASKS) {
            for (Class<?> type = task; type != AbstractFerryTask.class.getSuperclass(); type = type.getSuperclass()) {
                for (Field field : type.getDeclaredFields()) {
                    var name = field.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
                    name = OTHER_NAMES.getOrDefault(name, name);
                    if (!Modifier.isStatic(field.getModifiers()) && field.getType() == Property.class && !NOT_ASKED.contains(name)) {
                        asked.put(name, ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0]);
                    }
                }
            }
        }
        asked.forEach((name, type) -> {
            assertTrue(properties.has(name), name + " is no property of the request");
            assertTrue(fits(type, properties.get(name)), name + " is " + type + " in the task, and not in the request");
        });
        properties.fieldNames().forEachRemaining(name ->
            assertTrue(asked.containsKey(name) || DECIDED.contains(name), "no task has the property " + name));
    }

    private static boolean fits(Type type, JsonNode property) {
        if (type instanceof Class<?> known && known.isEnum()) {
            var values = Arrays.stream(known.getEnumConstants()).map(value -> value.toString().toLowerCase(Locale.ROOT)).sorted().toList();
            assertEquals(values.toString(), property.get("enum").valueStream().map(JsonNode::asText).sorted().toList().toString());
            return true;
        }
        var name = property.path("type");
        if (type == Boolean.class) {
            return name.asText().equals("boolean");
        }
        if (type == Integer.class) {
            return name.asText().equals("integer");
        }
        if (type instanceof ParameterizedType of && of.getRawType() == List.class) {
            return name.asText().equals("array") || name.isArray() && name.toString().contains("array");
        }
        if (type instanceof ParameterizedType of && of.getRawType() == Map.class) {
            // `config` and `clusters` are documents here, which the request names or holds.
            return name.asText().equals("object") || property.has("$ref") || property.has("if");
        }
        return type == String.class || type == Duration.class;
    }
}
