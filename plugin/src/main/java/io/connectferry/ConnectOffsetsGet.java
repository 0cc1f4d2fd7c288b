package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.net.URI;
import java.util.Map;
import java.util.function.BiConsumer;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Read a connector's offsets",
    description = """
        Reads only, until two reads agree. The document is Connect's own, exact to the digit. It goes to internal storage, not into the \
        outputs; `ConnectOffsetsPut` takes it from there."""
)
@Plugin(
    examples = {
        @Example(
            title = "Keep the offsets of a connector",
            full = true,
            code = """
                id: keep_offsets
                namespace: company.team

                tasks:
                  - id: offsets
                    type: io.connectferry.ConnectOffsetsGet
                    cluster: global
                    connector: orders

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.offsets.connectors[0].entries }} entries in {{ outputs.offsets.offsetsUri }}"
                """
        ),
        @Example(
            title = "Read from a cluster given by its URL",
            full = true,
            code = """
                id: read_offsets
                namespace: company.team

                tasks:
                  - id: offsets
                    type: io.connectferry.ConnectOffsetsGet
                    connectUrl: http://connect:8083
                    headers:
                      Authorization: "Bearer {{ secret('CONNECT_TOKEN') }}"
                    connector: orders
                """
        )
    }
)
public class ConnectOffsetsGet extends AbstractStepTask implements CopyInterface {
    private static final String OFFSETS_FILE = "offsets.json";

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Override
    String command() {
        return "connect-offsets-get";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeCopy(request);
        request.put("out", folder.fromWorkingDirectory(OFFSETS_FILE));
    }

    @Override
    Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> outputFiles() {
        return Map.of(OFFSETS_FILE, RunnerOutput.RunnerOutputBuilder::offsetsUri);
    }
}
