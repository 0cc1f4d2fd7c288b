package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
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

import java.util.List;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Tell people",
    description = """
        Asks no cluster. Sends a message to each channel in the section `notify` of `clusters` that is for its owner and its level: webhooks \
        of Slack, Teams and others, and subjects of NATS. Tries all of them, and then fails if one failed. The URLs of webhooks may be \
        `${secret:NAME}`, and are in no log."""
)
@Plugin(
    examples = {
        @Example(
            title = "Tell the team of a connector",
            full = true,
            code = """
                id: tell_payments
                namespace: company.team

                tasks:
                  - id: tell
                    type: io.connectferry.Notify
                    message: orders moves to europe tonight
                    owner: payments
                    connectors: [orders]
                    allowFailure: true
                """
        ),
        @Example(
            title = "Tell of a flow that failed, by channels in the task",
            full = true,
            code = """
                id: nightly
                namespace: company.team

                tasks:
                  - id: work
                    type: io.kestra.plugin.core.execution.Fail

                errors:
                  - id: tell
                    type: io.connectferry.Notify
                    message: "{{ flow.id }} failed"
                    level: ERROR
                    clusters:
                      clusters:
                        europe:
                          connect_url: http://connect-europe:8083
                      notify:
                        - name: platform
                          url: ${secret:SLACK_WEBHOOK}
                """
        )
    }
)
public class Notify extends AbstractFerryTask {
    @Schema(title = "Message")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> message;

    @Schema(title = "Level", description = "`INFO`, `WARN` or `ERROR`. A channel may ask for a least level.")
    @Builder.Default
    @PluginProperty(group = "main")
    private Property<NoticeLevel> level = Property.ofValue(NoticeLevel.INFO);

    @Schema(title = "Team that owns the connectors", description = "A channel that is bound to other owners is left out.")
    @PluginProperty(group = "main")
    private Property<String> owner;

    @Schema(title = "Connectors that the message is about")
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "Link", description = "URL to look at, such as that of the execution.")
    @PluginProperty(group = "main")
    private Property<String> link;

    @Override
    String command() {
        return "notify";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("message", message).choice("level", level, NoticeLevel.class).text("owner", owner).texts("connector", connectors).text("link", link);
    }

    @Override
    boolean usesChannels() {
        return true;
    }
}
