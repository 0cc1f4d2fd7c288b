package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
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
    title = "Start a stopped connector",
    description = """
        Resumes it and waits until every task runs. With `origin`, first makes sure that the connector there is stopped without tasks \
        and that the offsets of both are equal, so that the two never run together."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held")
    },
    examples = {
        @Example(
            title = "Start a copy after the interlock with its origin",
            full = true,
            code = """
                id: start_copy
                namespace: company.team

                tasks:
                  - id: start
                    type: io.connectferry.Start
                    cluster: europe
                    origin: global
                    connector: orders
                """
        ),
        @Example(
            title = "Start a connector on a cluster given by its URL",
            full = true,
            code = """
                id: start_connector
                namespace: company.team

                tasks:
                  - id: start
                    type: io.connectferry.Start
                    connectUrl: http://connect:8083
                    username: ferry
                    password: "{{ secret('CONNECT_PASSWORD') }}"
                    connector: orders
                """
        )
    }
)
public class Start extends AbstractStepTask {
    @Schema(title = "Origin", description = "The cluster the connector came from, by its name in `clusters`.")
    @PluginProperty(group = "reliability")
    private Property<String> origin;

    @Override
    String command() {
        return "start";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        request.text("origin", origin);
    }

    @Override
    String secondCluster() {
        return origin == null ? null : "origin";
    }
}
