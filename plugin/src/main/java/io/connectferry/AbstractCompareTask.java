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

/** A task that looks at the connectors of two clusters, and at all of them unless some are named. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractCompareTask extends AbstractFerryTask {
    @Schema(title = "Origin", description = "The cluster that connectors are moved from, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> origin;

    @Schema(title = "Target", description = "The cluster that they are moved to, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> target;

    @Schema(title = "Connector names", description = "By their names on the origin. Defaults to all of both clusters.")
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "New names by old names", description = "For connectors that have another name on the target.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> rename;

    @Schema(title = "Connectors at a time", description = "From 1 to 64. Defaults to 8.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<Integer> concurrency = Property.ofValue(AbstractMoveTask.DEFAULT_CONCURRENCY);

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("origin", origin).text("target", target).texts("connector", connectors)
            .textMap("rename", rename).number("concurrency", concurrency);
    }
}
