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

import java.util.List;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Make one connector of several",
    description = """
        Makes one connector with all that several list: topics of MirrorMaker and of sinks, tables of JDBC sources. Creates it stopped, \
        stops all the others and proves their offsets final, gives it the offsets of what each of them lists, and starts it. Refuses what \
        two of them list, and settings that differ until `set` or `unset` decides; `tasks.max` adds up. If something fails, all run again \
        as before. Run it again after a kill: it goes on. `Rollback` with the same `into` gives each its own offsets back, with the \
        progress made since."""
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
            title = "Make one mirror of two, and say what became of them",
            full = true,
            code = """
                id: consolidate_mirrors
                namespace: company.team

                tasks:
                  - id: consolidate
                    type: io.connectferry.Consolidate
                    origin: global
                    target: europe
                    connectors: [mirror-orders, mirror-users]
                    into: mirror

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.consolidate.connectors[0].message }}"
                """
        ),
        @Example(
            title = "Check first, and consolidate on the cluster where they are once somebody has approved it",
            full = true,
            code = """
                id: consolidate_approved
                namespace: company.team

                tasks:
                  - id: check
                    type: io.connectferry.Consolidate
                    origin: global
                    target: global
                    connectors: [table-orders, table-users]
                    into: tables
                    dryRun: true

                  - id: approve
                    type: io.kestra.plugin.core.flow.Pause

                  - id: consolidate
                    type: io.connectferry.Consolidate
                    origin: global
                    target: global
                    connectors: [table-orders, table-users]
                    into: tables
                """
        ),
        @Example(
            title = "Connectors of a class that the runner does not know, with a setting in which they differ",
            full = true,
            code = """
                id: consolidate_feeds
                namespace: company.team

                tasks:
                  - id: consolidate
                    type: io.connectferry.Consolidate
                    origin: global
                    target: europe
                    connectors: [feed-north, feed-south]
                    into: feeds
                    list: feeds
                    field: feed
                    set:
                      poll.interval.ms: "1000"
                """
        )
    }
)
public class Consolidate extends AbstractRegroupTask {
    @Schema(title = "Connector names", description = "At least two, all on the origin.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "Name of the one", description = "The connector on the target that they become. It is none of their names.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> into;

    @Override
    String command() {
        return "consolidate";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.texts("connector", connectors).text("into", into);
        super.describe(request, folder, runContext);
    }
}
