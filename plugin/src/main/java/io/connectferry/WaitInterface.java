package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.swagger.v3.oas.annotations.media.Schema;

import java.time.Duration;

/** The property of the tasks that bring connectors to rest. */
interface WaitInterface {
    Duration DEFAULT_WAIT = Duration.ofMinutes(1);

    @Schema(
        title = "Longest wait for the tasks to pause and to end",
        description = "Pausing takes one poll of the connector. Defaults to one minute. Keep it below the task's `timeout`."
    )
    @PluginProperty(group = "reliability")
    Property<Duration> getWaitTimeout();

    default void describeWait(Request request) throws Exception {
        request.duration("timeout", getWaitTimeout());
    }
}
