package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.List;
import java.util.Map;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Create a connector that does not run",
    description = """
        Creates it in the state STOPPED and proves that it has no task. Takes the config from here, or from the connector of that name \
        on another cluster. Changes nothing if the connector is there already."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held")
    },
    examples = {
        @Example(
            title = "A stopped copy of a connector that keeps running",
            full = true,
            code = """
                id: prepare_orders
                namespace: company.team

                tasks:
                  - id: prepare
                    type: io.connectferry.CreateStopped
                    cluster: europe
                    from: global
                    connector: orders
                    set:
                      topic.prefix: eu
                """
        ),
        @Example(
            title = "A stopped connector from a config",
            full = true,
            code = """
                id: create_heartbeat
                namespace: company.team

                tasks:
                  - id: create
                    type: io.connectferry.CreateStopped
                    connectUrl: http://connect:8083
                    connector: heartbeat
                    config:
                      connector.class: org.apache.kafka.connect.mirror.MirrorHeartbeatConnector
                      tasks.max: "1"
                      source.cluster.alias: factory
                      target.cluster.alias: central
                      source.cluster.bootstrap.servers: kafka-factory:9092
                      target.cluster.bootstrap.servers: kafka-central:9092
                """
        )
    }
)
public class CreateStopped extends AbstractStepTask implements OverridesInterface {
    private static final String CONFIG_FILE = "config.json";

    @Schema(title = "Cluster to take the config from", description = "By its name in `clusters`. Either this or `config`.")
    @PluginProperty(group = "source")
    private Property<String> from;

    @Schema(
        title = "State that a move or rollback of it ends in",
        description = "By default the state that the connector has on `from`."
    )
    @PluginProperty(group = "processing")
    private Property<ConnectorState> wasState;

    @Schema(title = "Config of the connector", description = "Either this or `from`.")
    @ToString.Exclude
    @PluginProperty(group = "source")
    private Property<Map<String, String>> config;

    @Schema(title = "New names by old ones", description = "If the copy gets another name than the connector on `from`.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> rename;

    @ToString.Exclude
    private Property<Map<String, String>> set;

    private Property<List<String>> unset;

    @Builder.Default
    private Property<Boolean> overwrite = Property.ofValue(false);

    @Override
    String command() {
        return "create-stopped";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        request.text("from", from).textMap("rename", rename).choice("was_state", wasState, ConnectorState.class);
        describeOverrides(request);
        if (config != null) {
            Map<String, String> rConfig = Request.texts(runContext, "config", config);
            folder.write(CONFIG_FILE, JacksonMapper.ofJson().writeValueAsBytes(rConfig));
            request.put("config", folder.fromWorkingDirectory(CONFIG_FILE));
        }
    }

    @Override
    String secondCluster() {
        return from == null ? null : "from";
    }
}
