package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.List;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Show who moved what, and when",
    description = """
        Reads only, from the NATS that the section `nats` of `clusters` names. Logs a line for each move and rollback; `resultUri` is \
        the whole history as a JSON file, with every step and proof."""
)
@Plugin(
    examples = {
        @Example(
            title = "Moves since yesterday",
            full = true,
            code = """
                id: moved_yesterday
                namespace: company.team

                tasks:
                  - id: history
                    type: io.connectferry.History
                    since: 24h

                triggers:
                  - id: morning
                    type: io.kestra.plugin.core.trigger.Schedule
                    cron: "0 7 * * *"
                """
        ),
        @Example(
            title = "All moves of two connectors",
            full = true,
            code = """
                id: history_of_orders
                namespace: company.team

                tasks:
                  - id: history
                    type: io.connectferry.History
                    connectors: [orders, payments]
                """
        )
    }
)
public class History extends AbstractFerryTask {
    @Schema(title = "Connector names", description = "Their names on the origin. Defaults to all.")
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "Since", description = "Leaves out moves that ended before: how long ago, such as `24h` or `PT24H`, or a time such as `2026-11-24T18:00:00Z`.")
    @PluginProperty(group = "main")
    private Property<String> since;

    @Override
    String command() {
        return "history";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.texts("connector", connectors).text("since", since);
    }
}
