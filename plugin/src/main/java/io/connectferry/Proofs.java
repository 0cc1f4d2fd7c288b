package io.connectferry;

import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;

import java.time.Duration;

/** The properties of the tasks that bring a connector to rest. */
final class Proofs {
    private Proofs() {
    }

    static void describe(
        Request request, RunContext runContext,
        Property<ProofKind> proof, Property<Boolean> allowDuplicates, Property<Duration> waitTimeout
    ) throws Exception {
        request
            .put("proof", runContext.render(proof).as(ProofKind.class).map(ProofKind::text).orElse(null))
            .flag("allow_duplicates", allowDuplicates)
            .put("timeout", runContext.render(waitTimeout).as(Duration.class).map(Duration::toString).orElse(null));
    }
}
