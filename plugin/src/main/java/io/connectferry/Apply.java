package io.connectferry;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.executions.metrics.Counter;
import io.kestra.core.models.executions.metrics.Timer;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Carry out a plan",
    description = """
        Moves the connectors of a plan as `Plan` made it, one wave after the other. Refuses a plan that was edited (exit code 2), or that no \
        longer matches the clusters (13, every difference is named). A gate stands between connectors: after a failure that was not put \
        back, or after `maxFailures`, nothing more is begun. Run it again after a failure or a kill: it continues from where the clusters \
        stand."""
)
@Plugin(
    metrics = {
        @Metric(name = "ferry.moved", type = Counter.TYPE, description = "Connectors that were moved"),
        @Metric(name = "ferry.failed", type = Counter.TYPE, description = "Connectors with which the task failed, also if they run on where they were"),
        @Metric(name = "ferry.refused", type = Counter.TYPE, description = "Connectors that a check refused, or that another run held"),
        @Metric(name = "ferry.sent_again", type = Counter.TYPE, description = "Records that a copy sends again, or the most that it can be"),
        @Metric(name = "ferry.sent_again.not_known", type = Counter.TYPE, description = "Connectors that may have sent records again, nobody knows how many"),
        @Metric(name = "ferry.downtime", type = Timer.TYPE, unit = "seconds", description = "How long a connector stood still"),
        @Metric(name = "ferry.downtime.p50", type = Timer.TYPE, unit = "seconds", description = "Median downtime of the connectors of one task"),
        @Metric(name = "ferry.downtime.p95", type = Timer.TYPE, unit = "seconds", description = "95th percentile of the downtimes of the connectors of one task")
    },
    examples = {
        @Example(
            title = "Rehearse a plan, and carry it out once somebody has approved it",
            full = true,
            code = """
                id: apply_approved
                namespace: company.team

                inputs:
                  - id: plan
                    type: FILE

                tasks:
                  - id: rehearse
                    type: io.connectferry.Apply
                    plan: "{{ inputs.plan }}"
                    rehearse: true

                  - id: approve
                    type: io.kestra.plugin.core.flow.Pause
                    onResume:
                      - id: by
                        type: STRING

                  - id: apply
                    type: io.connectferry.Apply
                    plan: "{{ inputs.plan }}"
                    approvedBy: "{{ outputs.approve.onResume.by }}"
                """
        ),
        @Example(
            title = "Make the first wave ready, and make the cut at night",
            full = true,
            code = """
                id: cut_at_night
                namespace: company.team

                inputs:
                  - id: plan
                    type: FILE

                tasks:
                  - id: prepare
                    type: io.connectferry.Apply
                    plan: "{{ inputs.plan }}"
                    wave: 1
                    until: PREPARED

                  - id: night
                    type: io.kestra.plugin.core.flow.Pause
                    pauseDuration: PT8H

                  - id: cut
                    type: io.connectferry.Apply
                    plan: "{{ inputs.plan }}"
                    wave: 1
                """
        )
    }
)
public class Apply extends AbstractFerryTask implements WaitInterface, ApprovalInterface {
    private static final String PLAN_FILE = "plan.json";
    private static final ObjectReader CLUSTERS_OF_A_PLAN = JacksonMapper.ofJson().readerFor(PlannedClusters.class)
        .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    @Schema(title = "URI of the plan", description = "In internal storage (`kestra://`), as `Plan` leaves it.")
    @NotNull
    @PluginProperty(group = "main", internalStorageURI = true)
    private Property<String> plan;

    @Schema(title = "Wave", description = "Only this wave of the plan. Defaults to all, one after the other.")
    @PluginProperty(group = "main")
    private Property<Integer> wave;

    @Schema(title = "Connector names", description = "Only these connectors of the plan, by their names on the origin. Defaults to all.")
    @PluginProperty(group = "main")
    private Property<List<String>> only;

    @Schema(
        title = "Rehearse",
        description = "Does everything short of stopping the origin, predicts the downtimes, and removes the copies again. Defaults to false."
    )
    @Builder.Default
    @PluginProperty(group = "main")
    private Property<Boolean> rehearse = Property.ofValue(false);

    @Schema(
        title = "How far to go",
        description = """
            `PREPARED` makes everything ready and holds: the copies wait stopped, the origins run. A later task makes the cut alone. \
            `MOVED` (default) goes to the end."""
    )
    @Builder.Default
    @PluginProperty(group = "main")
    private Property<Stage> until = Property.ofValue(Stage.MOVED);

    @Schema(
        title = "Failures that close the gate",
        description = "After so many failures, each of them put back, nothing more is begun. Defaults to 1. One that was not put back always does."
    )
    @Builder.Default
    @PluginProperty(group = "reliability")
    private Property<Integer> maxFailures = Property.ofValue(1);

    @Builder.Default
    private Property<Duration> waitTimeout = Property.ofValue(DEFAULT_WAIT);

    @Schema(title = "Connectors at a time", description = "From 1 to 64. Defaults to 8.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<Integer> concurrency = Property.ofValue(AbstractMoveTask.DEFAULT_CONCURRENCY);

    private Property<String> approvedBy;

    /** What of a plan this class reads. */
    private record PlannedClusters(Named origin, List<Named> targets) {
        private record Named(String name) {
        }

        Set<String> names() {
            return origin == null || targets == null ? Set.of()
                : Stream.concat(Stream.of(origin), targets.stream()).map(Named::name).collect(Collectors.toSet());
        }
    }

    @Override
    String command() {
        return "apply";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        var content = request.file("plan", plan, folder, PLAN_FILE);
        var names = clustersOf(content);
        request.alsoUses(names::contains);
        request.number("wave", wave).texts("only", only).flag("rehearse", rehearse).choice("until", until, Stage.class)
            .number("max_failures", maxFailures).number("concurrency", concurrency);
        describeWait(request);
        describeApproval(request, folder);
    }

    private static Set<String> clustersOf(byte[] plan) {
        try {
            return CLUSTERS_OF_A_PLAN.<PlannedClusters>readValue(plan).names();
        } catch (IOException noPlan) {
            return Set.of(); // The runner says what is wrong with it.
        }
    }
}
