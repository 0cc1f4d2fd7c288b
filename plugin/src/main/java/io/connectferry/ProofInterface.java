package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** The properties of the tasks that prove offsets final. */
interface ProofInterface {
    @Schema(
        title = "Kind of proof",
        description = """
            How to prove that the offsets are final. `HARD` reads the status topic and needs `kafka` in `clusters`. `TIMED` uses REST \
            alone and is slower. `AUTO` (default) takes the best there is."""
    )
    @PluginProperty(group = "reliability")
    Property<ProofKind> getProof();

    @Schema(title = "Go on without a proof", description = "Records may be sent again then. Defaults to false.")
    @PluginProperty(group = "reliability")
    Property<Boolean> getAllowDuplicates();

    default void describeProof(Request request) throws Exception {
        request.choice("proof", getProof(), ProofKind.class).flag("allow_duplicates", getAllowDuplicates());
    }
}
