package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

/** What a move cannot know, and refuses until somebody states or accepts it. */
interface AcceptInterface {
    @Schema(
        title = "State that the Kafka clusters hold the same log",
        description = """
            For a sink that moves to another Kafka cluster: states that its topics there are the same, record for record and offset for \
            offset, as a byte-exact mirror makes them. Its offsets are then copied as they are. Defaults to false: such a sink is refused, \
            unless `atLeastOnce` accepts that its offsets are translated."""
    )
    @PluginProperty(group = "advanced")
    Property<Boolean> getSameLog();

    @Schema(
        title = "Accept that the records go to another Kafka cluster",
        description = """
            For a source that writes to its workers' Kafka and moves to workers on another Kafka cluster: its records go to that cluster \
            from then on. Defaults to false: such a source is refused."""
    )
    @PluginProperty(group = "advanced")
    Property<Boolean> getOtherKafka();

    @Schema(
        title = "Accept at-least-once on the target",
        description = """
            For an exactly-once source whose target workers do not support that: the move itself sends nothing twice, but a worker that \
            dies later may. For a sink that moves to another Kafka cluster to which MirrorMaker copies its topics: its offsets are \
            translated through MirrorMaker's checkpoints. No record is lost, and some are sent again, at most as many as `message` says. \
            Defaults to false: both are refused."""
    )
    @PluginProperty(group = "advanced")
    Property<Boolean> getAtLeastOnce();

    default void describeAccepted(Request request) throws Exception {
        request.flag("same_log", getSameLog()).flag("other_kafka", getOtherKafka()).flag("at_least_once", getAtLeastOnce());
    }
}
