package io.connectferry;

import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.List;
import java.util.Map;

/** A task that moves connectors, or checks whether the same task would. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractPlannedMoveTask extends AbstractMoveTask implements OverridesInterface, CopyInterface, AcceptInterface {
    @ToString.Exclude
    private Property<Map<String, String>> set;

    private Property<List<String>> unset;

    @Builder.Default
    private Property<Boolean> overwrite = Property.ofValue(false);

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Builder.Default
    private Property<Boolean> sameLog = Property.ofValue(false);

    @Builder.Default
    private Property<Boolean> otherKafka = Property.ofValue(false);

    @Builder.Default
    private Property<Boolean> atLeastOnce = Property.ofValue(false);

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeOverrides(request);
        describeCopy(request);
        describeAccepted(request);
    }
}
