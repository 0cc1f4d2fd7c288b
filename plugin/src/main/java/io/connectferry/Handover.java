package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
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
    title = "Write what the teams of moved connectors commit",
    description = """
        Reads only. For each moved connector: a `Connector` of ns4kafka, a `KafkaConnector` of Strimzi, a Terraform import, plain JSON, and \
        a README with the steps in the order in which they are safe. They describe the connector as it is on the target, so that a \
        deployment changes nothing. Secrets are left out: named variables stand in for them. The files are in `files`, by their path."""
)
@Plugin(
    examples = {
        @Example(
            title = "Write all formats for two connectors",
            full = true,
            code = """
                id: hand_over
                namespace: company.team

                tasks:
                  - id: handover
                    type: io.connectferry.Handover
                    origin: global
                    target: europe
                    connectors: [orders, payments]

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "Follow {{ outputs.handover.files['orders/README.md'] }}"
                """
        ),
        @Example(
            title = "Write for Strimzi, into a repository that calls the target connect-eu",
            full = true,
            code = """
                id: hand_over_to_strimzi
                namespace: company.team

                tasks:
                  - id: handover
                    type: io.connectferry.Handover
                    origin: global
                    target: europe
                    connectors: [orders]
                    format: [STRIMZI]
                    connectCluster: connect-eu
                    namespace: kafka
                """
        )
    }
)
public class Handover extends AbstractMoveTask {
    private static final String FOLDER = "handover";

    @Schema(title = "Formats", description = "Any of `NS4KAFKA`, `STRIMZI`, `TERRAFORM` and `JSON`. Defaults to all.")
    @PluginProperty(group = "processing")
    private Property<List<HandoverFormat>> format;

    @Schema(
        title = "Name of the target in the deployment tool",
        description = "`connectCluster` of ns4kafka, the `KafkaConnect` of Strimzi. Defaults to the target's name in `clusters`."
    )
    @PluginProperty(group = "processing")
    private Property<String> connectCluster;

    @Schema(title = "Namespace in the deployment tool", description = "Without it, the tool's own setting counts.")
    @PluginProperty(group = "processing")
    private Property<String> namespace;

    @Override
    String command() {
        return "handover";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        request.choices("format", format, HandoverFormat.class).text("connect_cluster", connectCluster).text("namespace", namespace)
            .put("out", folder.fromWorkingDirectory(FOLDER));
    }

    @Override
    String outputFolder() {
        return FOLDER;
    }
}
