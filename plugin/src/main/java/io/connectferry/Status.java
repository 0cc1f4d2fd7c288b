package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Show where the moves of connectors stand",
    description = """
        Reads only. Derives it from both clusters. Fails with exit code 15 if a connector runs on both."""
)
@Plugin(
    examples = {
        @Example(
            title = "Look at two connectors",
            full = true,
            code = """
                id: status_of_moves
                namespace: company.team

                tasks:
                  - id: status
                    type: io.connectferry.Status
                    origin: global
                    target: europe
                    connectors: [orders, payments]
                """
        ),
        @Example(
            title = "Look every morning, with the clusters in the task",
            full = true,
            code = """
                id: watch_orders
                namespace: company.team

                tasks:
                  - id: status
                    type: io.connectferry.Status
                    origin: global
                    target: europe
                    connectors: [orders]
                    clusters:
                      clusters:
                        global:
                          connect_url: http://connect-global:8083
                        europe:
                          connect_url: http://connect-europe:8083
                          username: ferry
                          password: ${secret:EUROPE_CONNECT_PASSWORD}

                triggers:
                  - id: morning
                    type: io.kestra.plugin.core.trigger.Schedule
                    cron: "0 7 * * *"
                """
        )
    }
)
public class Status extends AbstractMoveTask {
    @Override
    String command() {
        return "status";
    }
}
