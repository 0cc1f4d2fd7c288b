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
    title = "Bring a connector to rest",
    description = """
        Pauses the connector until every task rests, stops it, and proves that no task will commit offsets any more. Leaves it stopped. \
        If that cannot be proven in time, puts the connector back as it was and fails with exit code 11."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held"),
        @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still")
    },
    examples = {
        @Example(
            title = "Bring a connector to rest",
            full = true,
            code = """
                id: rest_orders
                namespace: company.team

                tasks:
                  - id: rest
                    type: io.connectferry.FlushWait
                    cluster: global
                    connector: orders
                """
        ),
        @Example(
            title = "Give a slow connector five minutes, on a cluster given by its URL",
            full = true,
            code = """
                id: rest_slow
                namespace: company.team

                tasks:
                  - id: rest
                    type: io.connectferry.FlushWait
                    connectUrl: http://connect:8083
                    connector: slow-database
                    waitTimeout: PT5M
                """
        )
    }
)
public class FlushWait extends AbstractStepTask implements ProofInterface, WaitInterface {
    @Builder.Default
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Builder.Default
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Builder.Default
    private Property<Duration> waitTimeout = Property.ofValue(DEFAULT_WAIT);

    @Override
    String command() {
        return "flush-wait";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeProof(request);
        describeWait(request);
    }
}
