package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
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

import java.util.List;
import java.util.Map;

/** A task for the moves of connectors from an origin to a target. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractMoveTask extends AbstractFerryTask {
    static final int DEFAULT_CONCURRENCY = 8;

    @Schema(title = "Origin", description = "The cluster to move from, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> origin;

    @Schema(title = "Target", description = "The cluster to move to, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> target;

    @Schema(title = "Connector names")
    @NotNull
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "New names by old names", description = "For connectors that get another name on the target.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> rename;

    @Schema(title = "Connectors at a time", description = "From 1 to 64. Defaults to 8.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<Integer> concurrency = Property.ofValue(DEFAULT_CONCURRENCY);

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("origin", origin).text("target", target).texts("connector", connectors)
            .textMap("rename", rename).number("concurrency", concurrency);
    }
}
