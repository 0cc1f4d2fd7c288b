package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
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
    title = "Roll moved connectors back",
    description = """
        The move the other way: the target's newer offsets go back to the origin, so that nothing is sent twice. An unfinished move is \
        put back. Name origin and target as for the move. Changes nothing if there is nothing to roll back."""
)
@Plugin(
    metrics = @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still"),
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
        )
    }
)
public class Rollback extends AbstractMoveTask implements ProofInterface, WaitInterface, CopyInterface, CertificateInterface {
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
        request.flag("same_log", sameLog);
        describeCertificates(request, folder);
    }
}
