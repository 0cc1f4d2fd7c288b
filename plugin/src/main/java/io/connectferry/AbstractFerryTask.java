package io.connectferry;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.tasks.InputFilesInterface;
import io.kestra.core.models.tasks.NamespaceFiles;
import io.kestra.core.models.tasks.NamespaceFilesInterface;
import io.kestra.core.models.tasks.RunnableTask;
import io.kestra.core.models.tasks.RunnableTaskException;
import io.kestra.core.models.tasks.Task;
import io.kestra.core.models.tasks.runners.TaskRunner;
import io.kestra.core.runners.RunContext;
import io.kestra.plugin.core.runner.Process;
import io.kestra.plugin.scripts.exec.scripts.models.ScriptOutput;
import io.kestra.plugin.scripts.exec.scripts.runners.CommandsWrapper;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.Valid;
import lombok.AccessLevel;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What all tasks share: they write a request file, run the runner on it and read its report. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractFerryTask extends Task implements RunnableTask<RunnerOutput>, NamespaceFilesInterface, InputFilesInterface {
    static final String DEFAULT_IMAGE = "connectferry/ferry:0.1.0";

    private static final String REQUEST_FILE = "request.json";
    private static final String RESULT_FILE = "result.json";
    private static final int INVALID = 2; // As the runner's exit code.

    @Schema(
        title = "Clusters document",
        description = """
            The Connect clusters by name, in the schema of the runner's clusters file: an object with the key `clusters`. Defaults to \
            the KV entry `connect_clusters` of the flow's namespace or of a namespace above it. A value may hold `${secret:NAME}`: the \
            task replaces it by the Kestra secret of that name, which reaches the runner only in a file that no one else can read."""
    )
    @ToString.Exclude
    @PluginProperty(group = "connection") // Not `secret`, which refuses literals, and most of it are no secrets.
    private Property<Map<String, Object>> clusters;

    @Schema(
        title = "Task runner",
        description = """
            Defaults to Process, which runs the runner in this plugin's jar. Every other task runner takes the runner from \
            `containerImage`. With Docker, the container runs as the image's user or, if the worker is not root, as the worker's user; \
            `killGracePeriod` defaults to one minute here, so that a killed move can be put back."""
    )
    @Valid
    @Builder.Default
    @PluginProperty(group = "execution")
    private TaskRunner<?> taskRunner = Process.instance();

    @Schema(title = "Container image", description = "Must have the runner at `/ferry`. Defaults to `" + DEFAULT_IMAGE + "`. Process does not use it.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<String> containerImage = Property.ofValue(DEFAULT_IMAGE);

    @Schema(
        title = "Files for the runner",
        description = "Such as the `ca_file` that `clusters` names. Paths in `clusters` are relative to the task's working directory."
    )
    @PluginProperty(dynamic = true, group = "source")
    private Object inputFiles;

    @Schema(title = "Namespace files for the runner")
    @PluginProperty(group = "source")
    private NamespaceFiles namespaceFiles;

    @Getter(AccessLevel.NONE)
    @ToString.Exclude
    @EqualsAndHashCode.Exclude
    private final transient AtomicReference<RunnerCommand> running = new AtomicReference<>();

    /** The runner's command. */
    abstract String command();

    /** Adds what the task was told. `folder` takes files that the request names. */
    abstract void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception;

    /** Whether the task fails with an exit code of the runner. */
    boolean isFailure(int exitCode) {
        return exitCode != 0;
    }

    /** Adds what only this task outputs. */
    void complete(RunnerOutput.RunnerOutputBuilder output, RunnerReport report) {
    }

    /** The clusters document for what the request names. */
    Map<String, Object> clusters(RunContext runContext, Request request) throws Exception {
        return ClustersDocument.read(runContext, clusters, request::uses, usesChannels());
    }

    /** Whether the run tells people, by the channels of the clusters document. */
    boolean usesChannels() {
        return false;
    }

    /** The files that the command writes besides its result, and where their URIs go. */
    Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> outputFiles() {
        return Map.of();
    }

    /** The folder whose files become the output `files`, null for none. Which files there are depends on the connectors. */
    String outputFolder() {
        return null;
    }

    @Override
    public RunnerOutput run(RunContext runContext) throws Exception {
        try (var folder = PrivateFolder.in(runContext.workingDir().path())) {
            var place = prepare(runContext, folder);
            var log = new RunnerLog(runContext, folder);
            var call = new RunnerCommand(place, wrapper(runContext, place, folder, log), runContext.logger());
            running.set(call);
            try {
                return read(run(call), folder, log);
            } finally {
                running.set(null);
                log.release();
            }
        }
    }

    @Override
    public void kill() {
        var call = running.get();
        if (call != null) {
            call.kill();
        }
    }

    /** Writes what the runner reads. What is wrong with the task's properties shows here, as an outcome like the runner's own. */
    private RunnerPlace prepare(RunContext runContext, PrivateFolder folder) throws Exception {
        try {
            var place = RunnerPlace.of(taskRunner, runContext, folder);
            var request = new Request(runContext)
                .put("output", "kestra")
                .put("result", folder.fromWorkingDirectory(RESULT_FILE));
            describe(request, folder, runContext);
            request.put("clusters", clusters(runContext, request));
            folder.write(REQUEST_FILE, request.json());
            folder.giveTo(place.user());
            return place;
        } catch (IllegalArgumentException | IllegalVariableEvaluationException wrong) {
            throw new RunnableTaskException(wrong.getMessage(), failed(INVALID, "invalid", wrong.getMessage()));
        }
    }

    private CommandsWrapper wrapper(RunContext runContext, RunnerPlace place, PrivateFolder folder, RunnerLog log) throws Exception {
        List<String> collected = new ArrayList<>(List.of(folder.fromWorkingDirectory(RESULT_FILE)));
        outputFiles().keySet().forEach(name -> collected.add(folder.fromWorkingDirectory(name)));
        if (this instanceof CertificateInterface) {
            collected.add(folder.fromWorkingDirectory(CertificateInterface.CERTIFICATES) + "/*");
        }
        if (outputFolder() != null) {
            collected.add(folder.fromWorkingDirectory(outputFolder()) + "/**");
        }
        return new CommandsWrapper(runContext)
            .withLogConsumer(log)
            .withTaskRunner(place.taskRunner())
            .withEnv(holder(runContext))
            .withContainerImage(runContext.render(containerImage).as(String.class).orElse(DEFAULT_IMAGE))
            .withNamespaceFiles(namespaceFiles)
            .withInputFiles(inputFiles)
            .withOutputFiles(collected)
            // An empty interpreter and no beforeCommands: the command list is the argument vector, no shell.
            .withInterpreter(Property.ofValue(List.of()))
            .withBeforeCommands(Property.ofValue(List.of()))
            .withCommands(Property.ofValue(List.of(
                place.executable(), command(), "--request", folder.fromWorkingDirectory(REQUEST_FILE))));
    }

    /** Says for whom the runner works: the holder of a lease is told to the run that it keeps away. */
    private static Map<String, String> holder(RunContext runContext) {
        return runContext.getVariables().get("execution") instanceof Map<?, ?> execution && execution.get("id") != null
            ? Map.of("FERRY_HOLDER", "Kestra execution " + execution.get("id"))
            : Map.of();
    }

    private static ScriptOutput run(RunnerCommand call) throws Exception {
        try {
            return call.run();
        } catch (IOException failure) {
            if (ExecFailure.FORBIDDEN.isCauseOf(failure)) {
                throw new IOException("the worker may not run programs in its working directory, mount it without noexec "
                    + "or set kestra.tasks.tmp-dir.path to another folder", failure);
            }
            throw failure;
        }
    }

    private RunnerOutput read(ScriptOutput ended, PrivateFolder folder, RunnerLog log) throws RunnableTaskException {
        int exitCode = ended.getExitCode();
        var report = RunnerReport.of(ended.getVars());
        if (report == null || log.isMalformed() || report.exitCode() != exitCode) {
            var why = log.isMalformed() ? "with a line that cannot be read" : report == null ? "without saying what it did"
                : "but said " + report.exitCode();
            var message = "runner ended with exit code " + exitCode + " " + why
                + "; look at its log above, and at the clusters with the Status task";
            throw new RunnableTaskException(message, failed(exitCode, "failed", message));
        }
        var filled = report.toOutput(name -> stored(ended, folder, name)).resultUri(stored(ended, folder, RESULT_FILE));
        complete(filled, report);
        outputFiles().forEach((name, uri) -> uri.accept(filled, stored(ended, folder, name)));
        var output = filled.files(storedIn(ended, folder, outputFolder())).build();
        if (isFailure(exitCode)) {
            var error = isOneFailure(report) ? log.takeError() : null;
            throw new RunnableTaskException(error == null ? report.message() : error, output);
        }
        if (Stream.of(Stream.of(RESULT_FILE), outputFiles().keySet().stream(), report.files()).flatMap(names -> names).anyMatch(name -> stored(ended, folder, name) == null)) {
            throw new RunnableTaskException("runner did what it was asked (" + report.message()
                + ") but its files did not come back from the task runner", output);
        }
        return output;
    }

    /** With several, the runner logs an error for each, and its message counts them. */
    private static boolean isOneFailure(RunnerReport report) {
        return report.connectors().size() <= 1;
    }

    private static RunnerOutput failed(int exitCode, String outcome, String message) {
        return RunnerOutput.builder().exitCode(exitCode).outcome(outcome).message(message).connectors(List.of()).build();
    }

    /** The stored files of a folder, by their path in it; null without a folder. */
    private static Map<String, URI> storedIn(ScriptOutput ended, PrivateFolder folder, String name) {
        if (name == null) {
            return null;
        }
        var prefix = folder.fromWorkingDirectory(name) + "/";
        var all = ended.getOutputFiles() == null ? Map.<String, URI>of() : ended.getOutputFiles();
        return all.entrySet().stream().filter(file -> file.getKey().startsWith(prefix))
            .collect(Collectors.toMap(file -> file.getKey().substring(prefix.length()), Map.Entry::getValue, (one, other) -> one, TreeMap::new));
    }

    private static URI stored(ScriptOutput ended, PrivateFolder folder, String name) {
        return ended.getOutputFiles() == null ? null : ended.getOutputFiles().get(folder.fromWorkingDirectory(name));
    }
}
