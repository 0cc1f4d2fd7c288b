package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.List;
import java.util.Map;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Compare the connectors of two clusters",
    description = """
        Reads only. Says which connectors are on one cluster only and which are on both, in which settings their configs differ, and whose \
        offsets are ahead. A difference is no failure. Fails with exit code 15 if a connector runs on both, and with 16 if one is down."""
)
@Plugin(
    examples = {
        @Example(
            title = "Compare two clusters every morning",
            full = true,
            code = """
                id: drift
                namespace: company.team

                tasks:
                  - id: diff
                    type: io.connectferry.Diff
                    origin: global
                    target: europe

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.diff.message }}"

                triggers:
                  - id: morning
                    type: io.kestra.plugin.core.trigger.Schedule
                    cron: "0 7 * * *"
                """
        ),
        @Example(
            title = "Compare two connectors, one of which has another name on the target",
            full = true,
            code = """
                id: drift_of_orders
                namespace: company.team

                tasks:
                  - id: diff
                    type: io.connectferry.Diff
                    origin: global
                    target: europe
                    connectors: [orders, payments]
                    rename:
                      orders: eu-orders
                """
        )
    }
)
public class Diff extends AbstractFerryTask {
    @Schema(title = "Origin", description = "The one cluster, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> origin;

    @Schema(title = "Target", description = "The other cluster, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> target;

    @Schema(title = "Connector names", description = "By their names on the origin. Defaults to all of both clusters.")
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "New names by old names", description = "For connectors that have another name on the target.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> rename;

    @Schema(title = "Connectors at a time", description = "From 1 to 64. Defaults to 8.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<Integer> concurrency = Property.ofValue(AbstractMoveTask.DEFAULT_CONCURRENCY);

    @Override
    String command() {
        return "diff";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("origin", origin).text("target", target).texts("connector", connectors)
            .textMap("rename", rename).number("concurrency", concurrency);
    }
}
