package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.executions.metrics.Timer;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.Map;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Make several connectors of one",
    description = """
        The reverse of `Consolidate`: each of the several gets a part of what the one lists, with the offsets of that part. Every item has \
        to be for one of them. `tasks.max` is divided among them; `set` overrides settings of all. If something fails, the one runs again \
        as before. `Rollback` with the same `parts` takes it back, with the progress made since."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.moved", type = Counter.TYPE, description = "Connectors that were moved"),
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held"),
        @Metric(name = "ferry.sent_again", type = Counter.TYPE, description = "Records that a copy sends again, or the most that it can be"),
        @Metric(name = "ferry.sent_again.not_known", type = Counter.TYPE, description = "Connectors that may have sent records again, nobody knows how many"),
        @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still")
    },
    examples = {
        @Example(
            title = "Give one topic of a mirror a connector of its own",
            full = true,
            code = """
                id: split_mirror
                namespace: company.team

                tasks:
                  - id: split
                    type: io.connectferry.Split
                    origin: europe
                    target: europe
                    connector: mirror
                    parts:
                      mirror-orders: orders
                      mirror-rest: payments,users
                """
        ),
        @Example(
            title = "Only look whether a split could be made",
            full = true,
            code = """
                id: check_split
                namespace: company.team

                tasks:
                  - id: check
                    type: io.connectferry.Split
                    origin: global
                    target: europe
                    connector: tables
                    parts:
                      table-orders: orders
                      table-users: users
                    dryRun: true

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.check.connectors[0].message }}"
                """
        )
    }
)
public class Split extends AbstractRegroupTask {
    @Schema(title = "Connector name", description = "The one, on the origin.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> connector;

    @Schema(title = "What each of the several lists", description = "By their names on the target, at least two; the items of each with commas in between.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<Map<String, String>> parts;

    @Override
    String command() {
        return "split";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("connector", connector).textMap("part", parts);
        super.describe(request, folder, runContext);
    }
}
