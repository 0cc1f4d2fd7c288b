package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.executions.metrics.Counter;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Check whether connectors can be moved",
    description = """
        Reads only. Looks at the workers' versions, the plugin on the target, the target's validation of the config, the name, and \
        whether the offsets can be copied. Fails with exit code 10 if a connector cannot be moved, and names every reason."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held")
    },
    examples = {
        @Example(
            title = "Check one connector between two clusters of the KV entry connect_clusters",
            full = true,
            code = """
                id: check_orders
                namespace: company.team

                tasks:
                  - id: check
                    type: io.connectferry.Check
                    origin: global
                    target: europe
                    connectors: [orders]
                """
        ),
        @Example(
            title = "Check a copy with another name and another topic prefix, with the clusters in the task",
            full = true,
            code = """
                id: check_renamed
                namespace: company.team

                tasks:
                  - id: check
                    type: io.connectferry.Check
                    origin: global
                    target: europe
                    connectors: [orders]
                    rename:
                      orders: orders-eu
                    set:
                      topic.prefix: eu
                    clusters:
                      clusters:
                        global:
                          connect_url: http://connect-global:8083
                        europe:
                          connect_url: http://connect-europe:8083
                          username: ferry
                          password: ${secret:EUROPE_CONNECT_PASSWORD}
                """
        )
    }
)
public class Check extends AbstractPlannedMoveTask {
    @Override
    String command() {
        return "check";
    }
}
