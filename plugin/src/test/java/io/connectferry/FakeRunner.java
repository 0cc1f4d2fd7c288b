package io.connectferry;

import com.fasterxml.jackson.databind.JsonNode;
import io.kestra.core.models.tasks.runners.TaskCommands;
import io.kestra.core.models.tasks.runners.TaskException;
import io.kestra.core.models.tasks.runners.TaskRunner;
import io.kestra.core.models.tasks.runners.TaskRunnerDetailResult;
import io.kestra.core.models.tasks.runners.TaskRunnerResult;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;

/** A task runner that takes the place of the runner: keeps what it is asked and says what the test wants. */
class FakeRunner extends TaskRunner<TaskRunnerDetailResult> {
    static final String DONE = """
        ::{"outputs":{"exit_code":0,"outcome":"done","message":"1 moved","connectors":[{"connector":"orders","target_connector":"orders","parts":["a","b"],\
        "outcome":"moved","state":"moved","changed":true,"message":"moved","proof":"hard","copy":"rest","downtime_ms":212,"entries":3}]}}::""";

    List<String> arguments;
    JsonNode request;
    /** What is in the folder of the request, by name. */
    final Map<String, String> files = new TreeMap<>();

    /** The files it writes into the folder for certificates. */
    final List<String> certificates = new ArrayList<>();

    final Queue<String> refusals = new ArrayDeque<>();

    private final int exitCode;
    private final boolean writesFiles;
    private final List<String> lines;

    FakeRunner(int exitCode, boolean writesFiles, String... lines) {
        this.type = FakeRunner.class.getName();
        this.exitCode = exitCode;
        this.writesFiles = writesFiles;
        this.lines = List.of(lines);
    }

    static FakeRunner done() {
        return new FakeRunner(0, true, DONE);
    }

    /** The system's answers to the first tries, before it runs anything. */
    FakeRunner refusing(String... answers) {
        refusals.addAll(List.of(answers));
        return this;
    }

    List<String> lines() {
        return lines;
    }

    @Override
    public TaskRunnerResult<TaskRunnerDetailResult> run(RunContext runContext, TaskCommands commands, List<String> filesToDownload) throws Exception {
        if (!refusals.isEmpty()) {
            throw new IOException("Cannot run program \"/w/ferry\" (in directory \"/w\"): " + refusals.remove());
        }
        arguments = runContext.render(commands.getCommands()).asList(String.class);
        var requestFile = commands.getWorkingDirectory().resolve(arguments.getLast());
        request = JacksonMapper.ofJson().readTree(Files.readAllBytes(requestFile));
        try (var beside = Files.list(requestFile.getParent())) {
            for (var file : beside.filter(Files::isRegularFile).toList()) {
                files.put(file.getFileName().toString(), Files.readString(file));
            }
        }
        for (var file : writesFiles ? filesToDownload : List.<String>of()) {
            for (var name : file.endsWith("/*") ? certificates.stream().map(one -> file.replace("*", one)).toList() : List.of(file)) {
                var path = commands.getWorkingDirectory().resolve(name.replace("/**", "/orders/README.md"));
                Files.createDirectories(path.getParent());
                Files.writeString(path, "{}");
            }
        }
        for (var line : lines()) {
            commands.getLogConsumer().accept(line, false);
        }
        if (exitCode != 0) {
            throw new TaskException(exitCode, commands.getLogConsumer());
        }
        return new TaskRunnerResult<>(exitCode, commands.getLogConsumer());
    }
}
