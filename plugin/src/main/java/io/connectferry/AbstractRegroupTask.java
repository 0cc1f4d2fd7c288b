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

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A task that makes one connector of several, or several of one. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractRegroupTask extends AbstractFerryTask implements OverridesInterface, ListInterface, ProofInterface, WaitInterface {
    @Schema(title = "Origin", description = "The cluster where the connectors are, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> origin;

    @Schema(title = "Target", description = "The cluster for what they become, by its name in `clusters`; it may be the origin.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> target;

    @Schema(title = "Only check", description = "Changes nothing, and fails with exit code 10 if it would be refused. Defaults to false.")
    @Builder.Default
    @PluginProperty(group = "main")
    private Property<Boolean> dryRun = Property.ofValue(false);

    @ToString.Exclude
    private Property<Map<String, String>> set;

    private Property<List<String>> unset;

    @Builder.Default
    private Property<Boolean> overwrite = Property.ofValue(false);

    private Property<String> list;

    private Property<String> field;

    @Schema(
        title = "Accept at-least-once on the target",
        description = "For exactly-once sources whose target workers do not support that. Defaults to false: they are refused."
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> atLeastOnce = Property.ofValue(false);

    @Builder.Default
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Builder.Default
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Builder.Default
    private Property<Duration> waitTimeout = Property.ofValue(DEFAULT_WAIT);

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("origin", origin).text("target", target).flag("dry_run", dryRun);
        describeOverrides(request);
        describeList(request);
        request.flag("at_least_once", atLeastOnce);
        describeProof(request);
        describeWait(request);
    }
}
