package io.connectferry;

import com.fasterxml.jackson.databind.JsonNode;
import io.kestra.core.docs.JsonSchemaGenerator;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.tasks.Task;
import io.kestra.core.models.validations.ModelValidator;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.serializers.YamlParser;
import io.micronaut.context.ApplicationContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.reflect.Modifier;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the documentation shows is what Kestra takes, and it shows everything. */
class ExamplesTest {
    private static ApplicationContext kestra;
    private static ModelValidator validator;

    @BeforeAll
    static void start() {
        kestra = ApplicationContext.run("test");
        validator = kestra.getBean(ModelValidator.class);
    }

    @AfterAll
    static void stop() {
        kestra.close();
    }

    static Stream<Class<? extends Task>> tasks() {
        return Stream.of(Accept.class, Apply.class, Check.class, ConnectOffsetsGet.class, ConnectOffsetsPut.class, Consolidate.class,
            CreateStopped.class, Diff.class, FlushWait.class, Handover.class, History.class, Move.class, Plan.class, Rollback.class, Split.class, Start.class, Status.class);
    }

    /** Of some, the documentation stands in an interface, where Kestra has to find it. */
    @ParameterizedTest
    @MethodSource("tasks")
    void describesEveryProperty(Class<? extends Task> task) {
        JsonNode properties = JacksonMapper.ofJson().valueToTree(kestra.getBean(JsonSchemaGenerator.class).properties(Task.class, task))
            .path("properties");
        for (Class<?> declaring = task; declaring != Task.class; declaring = declaring.getSuperclass()) {
            for (var field : declaring.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isTransient(field.getModifiers())) {
                    var property = properties.path(field.getName());
                    assertTrue(property.findValue("title") != null && property.findValue("$group") != null, () -> field.getName() + " is " + property);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void parses(Class<?> task) {
        var examples = task.getAnnotation(Plugin.class).examples();
        assertTrue(examples.length >= 2, "an example shows one use, two show what differs");
        for (var example : examples) {
            var source = String.join("\n", example.code());
            assertDoesNotThrow(() -> validator.validate(YamlParser.parse(source, Flow.class)), example.title());
        }
    }
}
