package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.executions.metrics.Timer;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.time.Duration;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Move connectors to another cluster",
    description = """
        Checks all connectors first, and moves none if one is refused. Then, for each connector: creates a stopped copy on the target \
        while the origin still runs; pauses and stops the origin; proves its offsets final, copies them and reads them back; makes sure \
        that the origin is still stopped; starts the copy. If something fails before the start, the origin is put back. Run it again \
        after a kill or a crash: it continues from where the clusters stand, and changes nothing when all is done. If the task is \
        killed before the copy starts, the origin is put back. Each connector's certificate goes to internal storage."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.moved", type = Counter.TYPE, description = "Connectors that were moved"),
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held"),
        @Metric(name = "ferry.sent_again", type = Counter.TYPE, description = "Records that a copy sends again, or the most that it can be"),
        @Metric(name = "ferry.sent_again.not_known", type = Counter.TYPE, description = "Connectors that may have sent records again, nobody knows how many"),
        @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still"),
        @Metric(name = "ferry.downtime.p50", type = Timer.TYPE, unit = "seconds", description = "Median downtime of the connectors of one task"),
        @Metric(name = "ferry.downtime.p95", type = Timer.TYPE, unit = "seconds", description = "95th percentile of the downtimes of the connectors of one task")
    },
    examples = {
        @Example(
            title = "Move two connectors at once",
            full = true,
            code = """
                id: move_orders
                namespace: company.team

                tasks:
                  - id: move
                    type: io.connectferry.Move
                    origin: global
                    target: europe
                    connectors: [orders, payments]

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.move.message }}, the first was down for {{ outputs.move.connectors[0].downtimeMs }} ms"
                """
        ),
        @Example(
            title = "Move in a container, insist on the hard proof, and roll back if anything fails",
            full = true,
            code = """
                id: move_in_container
                namespace: company.team

                tasks:
                  - id: move
                    type: io.connectferry.Move
                    origin: global
                    target: europe
                    connectors: [orders]
                    proof: HARD
                    taskRunner:
                      type: io.kestra.plugin.scripts.runner.docker.Docker

                errors:
                  - id: rollback
                    type: io.connectferry.Rollback
                    origin: global
                    target: europe
                    connectors: [orders]
                """
        ),
        @Example(
            title = "Move an exactly-once source to workers without exactly-once support, and copy its offsets byte for byte",
            full = true,
            code = """
                id: move_exactly_once
                namespace: company.team

                tasks:
                  - id: move
                    type: io.connectferry.Move
                    origin: global
                    target: europe
                    connectors: [ledger]
                    copy: RAW
                    atLeastOnce: true
                """
        )
    }
)
public class Move extends AbstractPlannedMoveTask implements ProofInterface, WaitInterface, ApprovalInterface {
    @Builder.Default
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Builder.Default
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Builder.Default
    private Property<Duration> waitTimeout = Property.ofValue(DEFAULT_WAIT);

    private Property<String> approvedBy;

    @Override
    String command() {
        return "move";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeProof(request);
        describeWait(request);
        describeApproval(request, folder);
    }
}
