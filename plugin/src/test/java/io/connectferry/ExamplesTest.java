package io.connectferry;

import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.validations.ModelValidator;
import io.kestra.core.serializers.YamlParser;
import io.micronaut.context.ApplicationContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the documentation shows is what Kestra takes. */
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

    @ParameterizedTest
    @ValueSource(classes = {
        Check.class, ConnectOffsetsGet.class, ConnectOffsetsPut.class, CreateStopped.class, FlushWait.class, Move.class, Rollback.class,
        Start.class, Status.class
    })
    void parses(Class<?> task) {
        var examples = task.getAnnotation(Plugin.class).examples();
        assertTrue(examples.length >= 2, "an example shows one use, two show what differs");
        for (var example : examples) {
            var source = String.join("\n", example.code());
            assertDoesNotThrow(() -> validator.validate(YamlParser.parse(source, Flow.class)), example.title());
        }
    }
}
