package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
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
    title = "Write a stopped connector's offsets",
    description = """
        Makes the offsets equal to a document: writes what differs, removes what the document lacks, and reads back."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held")
    },
    examples = {
        @Example(
            title = "Copy the offsets of a stopped connector to its stopped copy",
            full = true,
            code = """
                id: copy_offsets
                namespace: company.team

                tasks:
                  - id: get
                    type: io.connectferry.ConnectOffsetsGet
                    cluster: global
                    connector: orders

                  - id: put
                    type: io.connectferry.ConnectOffsetsPut
                    cluster: europe
                    connector: orders
                    offsets: "{{ outputs.get.offsetsUri }}"
                """
        ),
        @Example(
            title = "Write offsets from an uploaded file",
            full = true,
            code = """
                id: write_offsets
                namespace: company.team

                inputs:
                  - id: offsets
                    type: FILE

                tasks:
                  - id: put
                    type: io.connectferry.ConnectOffsetsPut
                    connectUrl: http://connect:8083
                    connector: orders
                    offsets: "{{ inputs.offsets }}"
                """
        )
    }
)
public class ConnectOffsetsPut extends AbstractStepTask implements CopyInterface {
    private static final String OFFSETS_FILE = "offsets.json";

    @Schema(title = "URI of the offsets document", description = "In internal storage (`kestra://`), as `ConnectOffsetsGet` leaves it.")
    @NotNull
    @PluginProperty(group = "source", internalStorageURI = true)
    private Property<String> offsets;

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Override
    String command() {
        return "connect-offsets-put";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeCopy(request);
        request.file("offsets", offsets, folder, OFFSETS_FILE);
    }
}
