@PluginSubGroup(
    title = "Connect Ferry",
    description = "Moves Kafka Connect connectors between Connect clusters: nothing lost, nothing sent twice, proven and undoable.",
    categories = PluginSubGroup.PluginCategory.DATA
)
package io.connectferry;

import io.kestra.core.models.annotations.PluginSubGroup;
