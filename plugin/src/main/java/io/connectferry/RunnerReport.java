package io.connectferry;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import io.kestra.core.serializers.JacksonMapper;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;

/** The runner's own outputs, as its last marker line gives them. */
record RunnerReport(Integer exitCode, String outcome, String message, List<Entry> connectors, PlanEntry plan) {
    private static final ObjectMapper READER = JacksonMapper.ofJson().copy()
        .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false); // An image may be newer than this jar.

    record Entry(
        String connector, String targetConnector, List<String> parts, String outcome, String state, boolean changed, String message,
        String proof, String copy, Long downtimeMs, Long expectedDowntimeMs, int entries, String originState, String targetState, List<String> differs, String offsets,
        Certificate certificate,
        List<RunnerOutput.Finding> findings
    ) {
    }

    /** The names of a certificate's files. */
    record Certificate(String html, String json) {
    }

    record PlanEntry(String hash, int moves, int refused, int stay, List<RunnerOutput.Wave> waves) {
    }

    /** Returns null unless the map is a whole report. */
    static RunnerReport of(Map<String, Object> outputs) {
        if (outputs == null) {
            return null;
        }
        RunnerReport report;
        try {
            report = READER.convertValue(outputs, RunnerReport.class);
        } catch (IllegalArgumentException notAReport) {
            return null;
        }
        var whole = report.exitCode != null && report.outcome != null && report.message != null && report.connectors != null;
        return whole ? report : null;
    }

    /** The files of the certificates, by the names that the report gives them. */
    Stream<String> files() {
        return connectors.stream().map(Entry::certificate).filter(Objects::nonNull).flatMap(one -> Stream.of(one.html, one.json));
    }

    /** What a watch found, of all connectors. */
    List<RunnerOutput.Finding> findings() {
        return connectors.stream().map(Entry::findings).filter(Objects::nonNull).flatMap(List::stream).toList();
    }

    RunnerOutput.RunnerOutputBuilder toOutput(Function<String, URI> stored) {
        var output = RunnerOutput.builder().exitCode(exitCode).outcome(outcome).message(message)
            .connectors(connectors.stream().map(entry -> toOutput(entry, stored)).toList());
        if (plan != null) {
            output.hash(plan.hash).moves(plan.moves).refused(plan.refused).stay(plan.stay).waves(plan.waves);
        }
        return output;
    }

    private static RunnerOutput.Connector toOutput(Entry entry, Function<String, URI> stored) {
        var certificate = entry.certificate;
        return RunnerOutput.Connector.builder()
            .certificate(certificate == null ? null : stored.apply(certificate.html))
            .certificateJson(certificate == null ? null : stored.apply(certificate.json))
            .connector(entry.connector).targetConnector(entry.targetConnector).parts(entry.parts).outcome(entry.outcome).state(entry.state)
            .changed(entry.changed).message(entry.message).proof(entry.proof).copy(entry.copy)
            .downtimeMs(entry.downtimeMs).expectedDowntimeMs(entry.expectedDowntimeMs).entries(entry.entries)
            .originState(entry.originState).targetState(entry.targetState).differs(entry.differs).offsets(entry.offsets)
            .build();
    }
}
