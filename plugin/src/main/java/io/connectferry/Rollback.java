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
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.time.Duration;
import java.util.Map;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Roll moved connectors back",
    description = """
        The move the other way: the target's newer offsets go back to the origin, so that nothing is sent twice. An unfinished move is \
        put back. Name origin and target as for the move. With the `into` of a `Consolidate`, or the `parts` of a `Split`, it takes that \
        back. Changes nothing if there is nothing to roll back."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.rolled_back", type = Counter.TYPE, description = "Connectors that were taken back"),
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
            title = "Roll a connector back, with the progress it has made since",
            full = true,
            code = """
                id: rollback_orders
                namespace: company.team

                tasks:
                  - id: rollback
                    type: io.connectferry.Rollback
                    origin: global
                    target: europe
                    connectors: [orders]
                """
        ),
        @Example(
            title = "Roll back whatever a failed move has left",
            full = true,
            code = """
                id: move_or_rollback
                namespace: company.team

                inputs:
                  - id: connectors
                    type: ARRAY
                    itemType: STRING

                tasks:
                  - id: move
                    type: io.connectferry.Move
                    origin: global
                    target: europe
                    connectors: "{{ inputs.connectors }}"

                errors:
                  - id: rollback
                    type: io.connectferry.Rollback
                    origin: global
                    target: europe
                    connectors: "{{ inputs.connectors }}"
                """
        ),
        @Example(
            title = "Take a consolidation back: the two run again, each with its own offsets",
            full = true,
            code = """
                id: rollback_mirrors
                namespace: company.team

                tasks:
                  - id: rollback
                    type: io.connectferry.Rollback
                    origin: global
                    target: europe
                    connectors: [mirror-orders, mirror-users]
                    into: mirror
                """
        )
    }
)
public class Rollback extends AbstractMoveTask implements ProofInterface, WaitInterface, CopyInterface, ListInterface, ApprovalInterface {
    @Schema(title = "Name of the one", description = "Takes a consolidation back: the connector on the target that `connectors` became.")
    @PluginProperty(group = "processing")
    private Property<String> into;

    @Schema(title = "What each of the several lists", description = "Takes a split back: as `Split` had it. `connectors` names the one.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> parts;

    private Property<String> list;

    private Property<String> field;

    @Builder.Default
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Builder.Default
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Builder.Default
    private Property<Duration> waitTimeout = Property.ofValue(DEFAULT_WAIT);

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Schema(
        title = "State that the Kafka clusters hold the same log",
        description = """
            Set it if the move had it. Without it, a sink on another Kafka cluster goes back by MirrorMaker's checkpoints, if its group \
            has some, and sends some records again."""
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> sameLog = Property.ofValue(false);

    private Property<String> approvedBy;

    @Override
    String command() {
        return "rollback";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeProof(request);
        describeWait(request);
        describeCopy(request);
        request.flag("same_log", sameLog).text("into", into).textMap("part", parts);
        describeList(request);
        if (!regroups(request)) {
            describeApproval(request, folder);
        }
    }

    /** A consolidation and a split leave no certificate. */
    private static boolean regroups(Request request) {
        return request.get("into") != null || request.get("part") instanceof Map<?, ?> given && !given.isEmpty();
    }
}
