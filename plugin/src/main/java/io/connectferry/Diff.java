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
    title = "Compare the connectors of two clusters",
    description = """
        Reads only. Says which connectors are on one cluster only and which are on both, in which settings their configs differ, and whose \
        offsets are ahead. A difference is no failure. Fails with exit code 15 if a connector runs on both, and with 16 if one is down."""
)
@Plugin(
    examples = {
        @Example(
            title = "Compare two clusters every morning",
            full = true,
            code = """
                id: drift
                namespace: company.team

                tasks:
                  - id: diff
                    type: io.connectferry.Diff
                    origin: global
                    target: europe

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.diff.message }}"

                triggers:
                  - id: morning
                    type: io.kestra.plugin.core.trigger.Schedule
                    cron: "0 7 * * *"
                """
        ),
        @Example(
            title = "Compare two connectors, one of which has another name on the target",
            full = true,
            code = """
                id: drift_of_orders
                namespace: company.team

                tasks:
                  - id: diff
                    type: io.connectferry.Diff
                    origin: global
                    target: europe
                    connectors: [orders, payments]
                    rename:
                      orders: eu-orders
                """
        )
    }
)
public class Diff extends AbstractCompareTask {
    @Override
    String command() {
        return "diff";
    }
}
