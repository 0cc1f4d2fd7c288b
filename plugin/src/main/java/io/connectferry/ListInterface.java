package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** What connectors of a class that the runner does not know list, and which offsets follow it. */
interface ListInterface {
    @Schema(
        title = "Setting that lists what a connector reads",
        description = """
            Its values stand with commas in between. Only for a class that the runner does not know: it knows MirrorMaker, JDBC sources \
            and sinks. Needs `field`."""
    )
    @PluginProperty(group = "advanced")
    Property<String> getList();

    @Schema(title = "Field of the source partitions that names an item", description = "With `list`: an offset follows the item that this field names.")
    @PluginProperty(group = "advanced")
    Property<String> getField();

    default void describeList(Request request) throws Exception {
        request.text("list", getList()).text("field", getField());
    }
}
