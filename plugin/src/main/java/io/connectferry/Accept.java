package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.Builder;
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
    title = "Remove the origin's copies of moved connectors",
    description = """
        Only if the target runs, at or past the offsets that were copied, and the origin's copy is at rest. What it takes to bring the \
        copy back is in `files`: a certificate with its config, secrets masked, and its last offsets. Deletes no offsets and no consumer \
        group. Changes nothing if the copy is gone already. Run `Handover` first: what still describes the origin's copy would create \
        it again."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.accepted", type = Counter.TYPE, description = "Connectors whose copy on the origin was removed"),
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held")
    },
    examples = {
        @Example(
            title = "Accept a connector once its owner has said so",
            full = true,
            code = """
                id: accept_orders
                namespace: company.team

                tasks:
                  - id: handover
                    type: io.connectferry.Handover
                    origin: global
                    target: europe
                    connectors: [orders]

                  - id: owner
                    type: io.kestra.plugin.core.flow.Pause
                    onResume:
                      - id: who
                        type: STRING

                  - id: accept
                    type: io.connectferry.Accept
                    origin: global
                    target: europe
                    connectors: [orders]
                    acceptedBy: "{{ outputs.owner.onResume.who }}"
                """
        ),
        @Example(
            title = "Accept two sinks that read the same log on another Kafka",
            full = true,
            code = """
                id: accept_sinks
                namespace: company.team

                tasks:
                  - id: accept
                    type: io.connectferry.Accept
                    origin: global
                    target: europe
                    connectors: [search, archive]
                    sameLog: true

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "Brought back by what is in {{ outputs.accept.files }}"
                """
        )
    }
)
public class Accept extends AbstractMoveTask implements CopyInterface, CertificateInterface {
    private static final String FOLDER = "accepted";
    private static final String MOVED_FILE = "moved.json";

    @Schema(title = "Who accepted it", description = "Stands in the certificate and in what is kept. Defaults to nobody known.")
    @PluginProperty(group = "main")
    private Property<String> acceptedBy;

    @Schema(
        title = "URI of the move's certificate",
        description = """
            `certificateJson` of the one connector, as `Move` or `Apply` left it in internal storage (`kestra://`). The new certificate is \
            that one with the acceptance added. Without it, the acceptance has a certificate of its own."""
    )
    @PluginProperty(group = "source", internalStorageURI = true)
    private Property<String> of;

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Schema(
        title = "State that the Kafka clusters hold the same log",
        description = "Set it if the move had it. Without it, a sink's offsets on another Kafka cluster are compared through MirrorMaker."
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> sameLog = Property.ofValue(false);

    @Override
    String command() {
        return "accept";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeCopy(request);
        request.flag("same_log", sameLog).text("accepted_by", acceptedBy).put("certificate", folder.fromWorkingDirectory(FOLDER));
        describeCertificates(request, folder);
        if (!runContext.render(of).as(String.class).orElse("").isEmpty()) {
            request.file("of", of, folder, MOVED_FILE);
        }
    }

    @Override
    String outputFolder() {
        return FOLDER;
    }
}
