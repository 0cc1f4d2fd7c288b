package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** The property of the tasks that read or write offsets. */
interface CopyInterface {
    @Schema(
        title = "How to copy the offsets",
        description = """
            `REST` uses Connect's REST API. `RAW` copies the records of the offsets topics byte for byte and needs `kafka` in `clusters`. \
            `AUTO` (default) is `REST` where the workers support it and nothing is lost by it, otherwise `RAW`."""
    )
    @PluginProperty(group = "reliability")
    Property<CopyWay> getCopy();

    default void describeCopy(Request request) throws Exception {
        request.choice("copy", getCopy(), CopyWay.class);
    }
}
