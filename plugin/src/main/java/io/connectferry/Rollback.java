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
    title = "Take moved connectors back",
    description = """
        The move the other way: the target's newer offsets go back to the origin, so that nothing is sent twice. A move that is not \
        finished is put back. Origin and target are those of the move. Changes nothing if there is nothing to take back."""
)
@Plugin(
    metrics = @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still"),
    examples = {
        @Example(
            title = "Take a connector back, with the progress it made since",
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
            title = "Take back whatever a failed move left",
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
public class Rollback extends AbstractMoveTask {
    @Schema(
        title = "Kind of proof",
        description = """
            How to know that the offsets are final. `HARD` from the status topic, needs `kafka` in `clusters`; `TIMED` by REST alone, \
            slower; `AUTO` (default) is the best there is."""
    )
    @Builder.Default
    @PluginProperty(group = "reliability")
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Schema(title = "Go on without a proof", description = "Records may then be sent again. Defaults to false.")
    @Builder.Default
    @PluginProperty(group = "reliability")
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Schema(
        title = "Longest wait for the tasks to pause and to end",
        description = "Pausing takes one poll of the connector. Defaults to one minute. Keep it below the task's `timeout`."
    )
    @Builder.Default
    @PluginProperty(group = "reliability")
    private Property<Duration> waitTimeout = Property.ofValue(Duration.ofMinutes(1));

    @Override
    String command() {
        return "rollback";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        Proofs.describe(request, runContext, proof, allowDuplicates, waitTimeout);
    }
}
