package io.connectferry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.kestra.core.models.tasks.runners.DefaultLogConsumer;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;

import java.time.Instant;

/**
 * Reads the runner's lines as Kestra does, and notes two things that Kestra does not tell: a marker it could not read
 * (it only warns, and the task would stay green) and the error with which the runner ends. That one is held back, as it
 * becomes the message of the task's failure and would stand in the log twice.
 */
final class RunnerLog extends DefaultLogConsumer {
    private final String privateFolder;
    private boolean malformed;
    private Line heldBack;
    private String error;

    private record Line(String text, Boolean isStdErr, Instant at) {
    }

    RunnerLog(RunContext runContext, PrivateFolder folder) {
        super(runContext);
        privateFolder = folder.fromWorkingDirectory("") + "/";
    }

    @Override
    public synchronized void accept(String said, Boolean isStdErr, Instant at) {
        var line = said.replace(privateFolder, ""); // It means nothing to readers, and is gone when they look.
        var marker = marker(line);
        if (marker == null || marker.has("logs")) {
            release();
        }
        var message = errorOf(marker);
        if (message != null) {
            error = message;
            heldBack = new Line(line, isStdErr, at);
            return;
        }
        super.accept(line, isStdErr, at);
    }

    /** The error the runner ended with, which is then not logged by this class; null if there is none. */
    synchronized String takeError() {
        if (heldBack == null) {
            return null;
        }
        heldBack = null;
        return error;
    }

    /** Logs what was held back. */
    synchronized void release() {
        if (heldBack != null) {
            var line = heldBack;
            heldBack = null;
            super.accept(line.text(), line.isStdErr(), line.at());
        }
    }

    synchronized boolean isMalformed() {
        return malformed;
    }

    private JsonNode marker(String line) {
        if (!line.startsWith("::{")) {
            return null;
        }
        try {
            if (line.endsWith("}::")) {
                return JacksonMapper.ofJson().readTree(line.substring(2, line.length() - 2));
            }
        } catch (JsonProcessingException failure) {
            // Told below, like a line that was cut.
        }
        malformed = true;
        return null;
    }

    private static String errorOf(JsonNode marker) {
        if (marker == null || marker.size() != 1 || marker.path("logs").size() != 1) {
            return null;
        }
        var entry = marker.path("logs").path(0);
        return entry.path("level").asText().equals("ERROR") ? entry.path("message").asText() : null;
    }
}
