package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.net.URI;
import java.util.Map;
import java.util.function.BiConsumer;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Show a plan that was made before",
    description = """
        Asks no cluster. Makes the report of a plan, as `Plan` does when it makes one. Refuses a plan that was edited since (exit code 2)."""
)
@Plugin(
    examples = {
        @Example(
            title = "Show a plan before somebody approves it",
            full = true,
            code = """
                id: show_plan
                namespace: company.team

                inputs:
                  - id: plan
                    type: FILE

                tasks:
                  - id: report
                    type: io.connectferry.Report
                    plan: "{{ inputs.plan }}"

                  - id: approve
                    type: io.kestra.plugin.core.flow.Pause

                  - id: apply
                    type: io.connectferry.Apply
                    plan: "{{ inputs.plan }}"

                outputs:
                  - id: report
                    type: STRING
                    value: "{{ outputs.report.report ?? '' }}"
                """
        )
    }
)
public class Report extends AbstractFerryTask {
    private static final String PLAN_FILE = "plan.json";

    @Schema(title = "URI of the plan", description = "In internal storage (`kestra://`), as `Plan` leaves it.")
    @NotNull
    @PluginProperty(group = "main", internalStorageURI = true)
    private Property<String> plan;

    @Override
    String command() {
        return "report";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.file("plan", plan, folder, PLAN_FILE);
        Plan.describeReports(request, folder);
    }

    /** The runner reads a file alone. */
    @Override
    Map<String, Object> clusters(RunContext runContext, Request request) {
        return null;
    }

    @Override
    Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> outputFiles() {
        return Plan.REPORTS;
    }
}
