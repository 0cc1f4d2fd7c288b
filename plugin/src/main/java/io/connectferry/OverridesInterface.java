package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

import java.util.List;
import java.util.Map;

/** The properties of the tasks that create a copy: what differs from the origin's config, and what the copy may replace. */
interface OverridesInterface {
    @Schema(title = "Override settings on the target")
    @PluginProperty(group = "processing")
    Property<Map<String, String>> getSet();

    @Schema(title = "Settings to leave out on the target")
    @PluginProperty(group = "processing")
    Property<List<String>> getUnset();

    @Schema(
        title = "Replace another connector",
        description = "Replaces a stopped connector of that name on the target, even if it is not a copy of this one. Defaults to false."
    )
    @PluginProperty(group = "reliability")
    Property<Boolean> getOverwrite();

    default void describeOverrides(Request request) throws Exception {
        request.textMap("set", getSet()).texts("unset", getUnset()).flag("overwrite", getOverwrite());
    }
}
