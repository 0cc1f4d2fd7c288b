package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
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

import java.util.Set;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Say what is alarming between two clusters",
    description = """
        Looks once, and ten seconds later again at what is alarming: what runs on both clusters or on neither, an origin's copy that was \
        resumed or created again, a move that was killed half way, a copy that fell behind, consumers that nobody expects, offsets that \
        expire. Reads only, unless `policy` is `STOP`. What it finds is in `findings`, and does not fail the task: it then ends with a \
        warning, and the flow goes on. It fails if it could not look at everything."""
)
@Plugin(
    examples = {
        @Example(
            title = "Look every five minutes, and fail if a connector runs on both clusters or on neither",
            full = true,
            code = """
                id: watch_europe
                namespace: company.team

                tasks:
                  - id: watch
                    type: io.connectferry.Watch
                    origin: global
                    target: europe

                  - id: alarm
                    type: io.kestra.plugin.core.execution.Fail
                    condition: "{{ outputs.watch.exitCode != 0 }}"
                    errorMessage: "{{ outputs.watch.message }}"

                triggers:
                  - id: often
                    type: io.kestra.plugin.core.trigger.Schedule
                    cron: "*/5 * * * *"
                """
        ),
        @Example(
            title = "Stop copies on the origin that a deployment tool has resumed, or created again after their acceptance",
            full = true,
            code = """
                id: watch_accepted
                namespace: company.team

                tasks:
                  - id: watch
                    type: io.connectferry.Watch
                    origin: global
                    target: europe
                    policy: STOP
                    certificate: accepted
                    namespaceFiles:
                      enabled: true
                      include: [/accepted/**]

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "{{ outputs.watch.findings | jq('[.[] | .connector + \\": \\" + .means]') | first | join(', ') }}"
                """
        )
    }
)
public class Watch extends AbstractCompareTask {
    private static final Set<Integer> LOOKED = Set.of(0, 15, 16);

    @Schema(
        title = "What to do about a connector that runs on both clusters",
        description = """
            `REPORT` (default) says so. `STOP` also stops the origin's copy, if marks and offsets show that it is the wrong one; the finding \
            is the same then."""
    )
    @Builder.Default
    @PluginProperty(group = "main")
    private Property<WatchPolicy> policy = Property.ofValue(WatchPolicy.REPORT);

    @Schema(
        title = "Folder of the acceptances",
        description = """
            The `files` of `Accept`, in a folder of the task's working directory, where `namespaceFiles` or `inputFiles` put them. Tells what \
            was created again after it had been accepted. A folder that is not there is one without acceptances."""
    )
    @PluginProperty(group = "source")
    private Property<String> certificate;

    @Override
    String command() {
        return "watch";
    }

    @Override
    boolean isFailure(int exitCode) {
        return !LOOKED.contains(exitCode);
    }

    @Override
    void complete(RunnerOutput.RunnerOutputBuilder output, RunnerReport report) {
        output.findings(report.findings());
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        super.describe(request, folder, runContext);
        request.choice("policy", policy, WatchPolicy.class).text("certificate", certificate);
    }
}
