package io.connectferry;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.kestra.core.models.flows.State;
import io.kestra.core.models.tasks.Output;
import io.swagger.v3.oas.annotations.media.Schema;
import lombok.Builder;
import lombok.Getter;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a task outputs, after a failure too. Small on purpose: offsets, proofs and hashes are in the stored files. */
@Builder(toBuilder = true)
@Getter
public class RunnerOutput implements Output {
    @Schema(
        title = "Exit code of the runner",
        description = """
            0 done, 1 failed and put back, 2 invalid input, 10 refused by a check, 11 not proven, 12 rolled back, \
            13 the plan no longer matches the clusters, 14 held by another run, 15 running twice, 16 down, 130 interrupted. The task \
            fails with every code but 0; a `Watch` does not fail with 15 and 16 either."""
    )
    private final int exitCode;

    @Schema(
        title = "Outcome of the task",
        description = """
            `done`, `failed`, `refused`, `not_proven`, `rolled_back`, `held`, `running_twice`, `down`, `interrupted`, `outdated` or \
            `invalid`."""
    )
    private final String outcome;

    @Schema(title = "Outcome in words", description = "Such as `2 moved, 1 refused`, or the error.")
    private final String message;

    @Schema(title = "Each connector's outcome")
    private final List<Connector> connectors;

    @Schema(title = "What is alarming", description = "Only from `Watch`: empty if nothing is.")
    private final List<Finding> findings;

    @Schema(
        title = "URI of the result document",
        description = "JSON in internal storage: steps, checks, the full proof, hashes of offsets and config before and after."
    )
    private final URI resultUri;

    @Schema(title = "URI of the offsets document", description = "Only from `ConnectOffsetsGet`: Connect's own JSON, exact to the digit.")
    private final URI offsetsUri;

    @Schema(title = "URI of the plan", description = "Only from `Plan`: JSON in internal storage, which `Apply` carries out.")
    private final URI uri;

    @Schema(title = "URI of the plan's report", description = "Only from `Plan` and `Report`: one HTML file that needs nothing else.")
    private final URI report;

    @Schema(title = "URI of the report in Markdown", description = "Only from `Plan` and `Report`: Kestra previews it.")
    private final URI markdown;

    @Schema(
        title = "URIs of the files that were written",
        description = "Only from `Handover` and `Accept`, by their path, such as `orders/README.md`."
    )
    private final Map<String, URI> files;

    @Schema(title = "Hash of the plan", description = "Only from `Plan`, `Report` and `Apply`, as the counts and the waves.")
    private final String hash;

    @Schema(title = "Number of connectors that the plan moves", description = "With those that are refused.")
    private final Integer moves;

    @Schema(title = "Number of moves that the plan refuses")
    private final Integer refused;

    @Schema(title = "Number of connectors that stay")
    private final Integer stay;

    @Schema(title = "Waves of the plan")
    private final List<Wave> waves;

    /** A watch that found something did its work, and somebody should look: the flow goes on, with a warning. */
    @Override
    public Optional<State.Type> finalState() {
        return findings == null || findings.isEmpty() ? Optional.empty() : Optional.of(State.Type.WARNING);
    }

    @Schema(title = "Finding")
    public record Finding(
        @Schema(
            title = "What it is",
            description = """
                `running_twice`, `origin_resumed`, `origin_created_again`, `half_moved`, `fell_behind`, `group_members`, `group_expires` \
                or `down`. docs/watch.md says what each means."""
        ) String code,
        @Schema(title = "Name of the connector on the origin") String connector,
        @Schema(title = "Origin") String origin,
        @Schema(title = "Target") String target,
        @Schema(title = "Since when", description = "By the worker's clock; null if not known.") String since,
        @Schema(
            title = "The command that goes on",
            description = "`move` or `rollback`, of what is half moved; null if neither goes on, as after one of the copies was deleted."
        ) String unfinished,
        @Schema(title = "What it means") String means,
        @Schema(title = "What to do about it", description = "In the words of the command line.") @JsonProperty("do") String advice
    ) {
    }

    @Schema(title = "Wave")
    public record Wave(
        @Schema(title = "Its number, from 1") int wave,
        @Schema(title = "Whether it has the canaries") boolean canary,
        @Schema(title = "Number of its connectors") int connectors,
        @Schema(title = "Number of their tasks") int tasks
    ) {
    }

    @Builder
    @Getter
    public static class Connector {
        @Schema(title = "Name of the connector")
        private final String connector;

        @Schema(title = "Name of its copy on the target")
        private final String targetConnector;

        @Schema(title = "The several that became this one, or that it became", description = "Only of a `Consolidate`, a `Split`, and their `Rollback`.")
        private final List<String> parts;

        @Schema(
            title = "Outcome of the connector",
            description = """
                `moved`, `unchanged`, `put_back`, `failed`, `refused`, `not_proven`, `rolled_back`, `held`, `running_twice`, \
                `down` (it should run and does not), `interrupted`, `ready`, `rehearsed`, `prepared`, `not_begun`, `created`, `quiesced`, \
                `read`, `written`, `started`, `observed` or `accepted`."""
        )
        private final String outcome;

        @Schema(
            title = "Where its move stands",
            description = """
                Derived from both clusters: `not_begun`, `prepared`, `half_copied`, `copied`, `moved`, `accepted`, `running_twice`, \
                `absent` or `unclear`."""
        )
        private final String state;

        @Schema(title = "Whether anything was written to a cluster")
        private final boolean changed;

        @Schema(title = "Outcome in words")
        private final String message;

        @Schema(title = "How the offsets were proven final", description = "`hard` (from Kafka), `timed` (REST alone) or `none`.")
        private final String proof;

        @Schema(
            title = "How the offsets were copied",
            description = """
                `rest`, `raw` (as records of the offsets topics), `group` (as offsets of a sink's consumer group), `checkpoints` \
                (translated for another Kafka cluster through MirrorMaker's checkpoints, at least once), `shared` (both sides use one \
                consumer group or offsets topic) or `none` (there was nothing to copy)."""
        )
        private final String copy;

        @Schema(title = "Milliseconds the connector stood still", description = "From the request to stop until every task ran on the target.")
        private final Long downtimeMs;

        @Schema(title = "Milliseconds that it is expected to stand still", description = "Of a move that was rehearsed or prepared, and not made.")
        private final Long expectedDowntimeMs;

        @Schema(
            title = "URI of the certificate",
            description = """
                Only from `Move`, `Rollback` and `Apply`, of a connector that they changed or found moved: one HTML file that needs \
                nothing else. It shows offsets, and settings that differ, and no secret."""
        )
        private final URI certificate;

        @Schema(title = "URI of the certificate in JSON", description = "With every offset, check and task.")
        private final URI certificateJson;

        @Schema(title = "Number of offset entries")
        private final int entries;

        @Schema(title = "State on the origin at the end", description = "`RUNNING`, `PAUSED`, `STOPPED` or another of Connect's; null if it is not there.")
        private final String originState;

        @Schema(title = "State on the target at the end", description = "Null if it is not there.")
        private final String targetState;

        @Schema(title = "Settings that differ", description = "Only from `Diff`: their names. `resultUri` has the values, with secrets masked.")
        private final List<String> differs;

        @Schema(title = "How the target's offsets stand to the origin's", description = "Only from `Diff`: `equal`, `ahead`, `behind` or `differ`.")
        private final String offsets;
    }
}
