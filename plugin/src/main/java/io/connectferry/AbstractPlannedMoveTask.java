package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
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
public abstract class AbstractPlannedMoveTask extends AbstractMoveTask implements OverridesInterface, CopyInterface {
    @ToString.Exclude
    private Property<Map<String, String>> set;

    private Property<List<String>> unset;

    @Builder.Default
    private Property<Boolean> overwrite = Property.ofValue(false);

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Schema(
        title = "State that the Kafka clusters hold the same log",
        description = """
            For a sink that moves to another Kafka cluster: states that its topics there are the same, record for record and offset for \
            offset, as a byte-exact mirror makes them. Its offsets are then copied as they are. Defaults to false: such a sink is refused, \
            unless `atLeastOnce` accepts that its offsets are translated."""
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> sameLog = Property.ofValue(false);

    @Schema(
        title = "Accept that the records go to another Kafka cluster",
        description = """
            For a source that writes to its workers' Kafka and moves to workers on another Kafka cluster: its records go to that cluster \
            from then on. Defaults to false: such a source is refused."""
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> otherKafka = Property.ofValue(false);

    @Schema(
        title = "Accept at-least-once on the target",
        description = """
            For an exactly-once source whose target workers do not support that: the move itself sends nothing twice, but a worker that \
            dies later may. For a sink that moves to another Kafka cluster to which MirrorMaker copies its topics: its offsets are \
            translated through MirrorMaker's checkpoints. No record is lost, and some are sent again, at most as many as `message` says. \
            Defaults to false: both are refused."""
    )
    @Builder.Default
    @PluginProperty(group = "advanced")
    private Property<Boolean> atLeastOnce = Property.ofValue(false);

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        describeOverrides(request);
        describeCopy(request);
        request.flag("same_log", sameLog).flag("other_kafka", otherKafka).flag("at_least_once", atLeastOnce);
    }
}
