package engine;

import com.fasterxml.jackson.core.type.TypeReference;
import io.kestra.core.models.Label;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.TaskRun;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.Input;
import io.kestra.core.models.flows.State;
import io.kestra.core.models.flows.input.InputAndValue;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.repositories.LocalFlowRepositoryLoader;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.runners.TestRunner;
import io.kestra.core.runners.TestRunnerUtils;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.KVStoreService;
import io.kestra.core.storages.kv.KVValueAndMetadata;
import io.kestra.plugin.core.flow.Pause;
import io.micronaut.context.ApplicationContext;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;

import static engine.EngineContext.TENANT;

/**
 * A real Kestra engine in this JVM that does what standard input says and tells what happens on standard output, one
 * JSON object per line each. Ends at `{"exit":true}` and at the end of its input, and so with whoever started it.
 *
 * <pre>
 * {"kv":"KEY","namespace":"NS","value":...}                             sets a KV entry
 * {"run":"FLOW","namespace":"NS","inputs":{...},"ref":"REF","seconds":60} starts an execution and tells of its end
 * {"webhook":"FLOW","namespace":"NS","key":"KEY","value":...,"ref":"REF"} calls a flow's webhook with a body
 * {"follow":"EXECUTION","ref":"REF"}                                     tells of the end of one that an earlier engine began
 * {"resume":"EXECUTION","inputs":{...},"ref":"REF"}                      resumes a paused execution, as its form does
 * {"form":"FLOW","namespace":"NS","inputs":{...},"ref":"REF"}            tells what the form shows once it is filled in so far
 * {"kill":"EXECUTION"}                                                   kills an execution and its sub-executions
 * {"dashboard":"FILE","ref":"REF"}                                       computes the charts of a dashboard file
 * {"exit":true}
 * </pre>
 *
 * Events: ready, kv, started, resumed, form, execution, task, log, ended, dashboard, error. Those that answer a run carry its ref.
 */
public final class Engine {
    private static final Duration LOOK_EVERY = Duration.ofMillis(200);
    private static final Duration LOGS_SETTLE = Duration.ofMillis(600);
    private static final int MAX_SECONDS = 300;

    private final ApplicationContext context;
    private final Events events;
    private final Watcher watcher;

    /** A command; which it is, is told by the one field that is set. */
    private record Command(
        String run, String follow, String resume, String form, String kill, String kv, String dashboard, Boolean exit, String namespace, Map<String, Object> inputs, Object value,
        String ref, Integer seconds, String webhook, String key
    ) {
    }

    private Engine(ApplicationContext context, Events events) {
        this.context = context;
        this.events = events;
        this.watcher = new Watcher(context, events);
    }

    public static void main(String[] commandLine) {
        PrintStream protocol = System.out;
        System.setOut(System.err); // What libraries print must not get between the lines.
        Events events = new Events(protocol);
        int exitCode = 1;
        try {
            Engine engine = start(Arguments.parse(commandLine), events);
            engine.obey(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
            exitCode = 0;
        } catch (Throwable failure) {
            failure.printStackTrace();
            events.write("error", "message", String.valueOf(failure.getMessage()));
        }
        Runtime.getRuntime().halt(exitCode); // The engine's threads are not daemons, and there is nothing to save.
    }

    private static Engine start(Arguments arguments, Events events) throws Exception {
        Engine engine = new Engine(EngineContext.start(arguments.pluginFolder()), events);
        TestRunner runner = engine.context.getBean(TestRunner.class);
        runner.setWorkerEnabled(arguments.withWorker()); // Else one joins as a process of its own.
        runner.setSchedulerEnabled(false); // No triggers here: saves the scheduler's start-up.
        runner.run();
        events.write("ready", "flows", engine.loadFlows(arguments.flowFolders()));
        Thread.ofPlatform().daemon().name("watcher").start(engine::watch);
        return engine;
    }

    /** Kestra's loader logs a warning and skips a flow it cannot parse, so count what arrived. */
    private int loadFlows(List<Path> folders) throws Exception {
        List<Path> files = FlowFiles.in(folders);
        for (Path file : files) {
            context.getBean(LocalFlowRepositoryLoader.class).load(TENANT, file.toFile());
        }
        int loaded = context.getBean(FlowRepositoryInterface.class).findAll(TENANT).size();
        if (loaded != files.size()) {
            throw new IllegalStateException("only " + loaded + " of " + files.size() + " flows loaded, run engine.Validate on the same folders");
        }
        return loaded;
    }

    private void obey(BufferedReader commands) throws Exception {
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            if (line.isBlank()) {
                continue;
            }
            Command command = JacksonMapper.ofJson().readValue(line, new TypeReference<>() {
            });
            if (Boolean.TRUE.equals(command.exit())) {
                return;
            }
            if (command.kv() != null) {
                setKv(command);
            } else if (command.kill() != null) {
                Thread.ofVirtual().start(() -> answer(command, this::kill));
            } else if (command.dashboard() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::compute));
            } else if (command.resume() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::resume));
            } else if (command.form() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::form));
            } else if (command.follow() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::follow));
            } else if (command.webhook() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::callWebhook));
            } else if (command.run() != null) {
                Thread.ofPlatform().daemon().start(() -> answer(command, this::run));
            } else {
                events.write("error", "ref", command.ref(), "message", "command has none of run, webhook, follow, resume, form, kill, kv, dashboard and exit");
            }
        }
    }

    private interface Action {
        void take(Command command) throws Exception;
    }

    private void answer(Command command, Action action) {
        try {
            action.take(command);
        } catch (Exception failure) {
            Throwable cause = isWrapper(failure) && failure.getCause() != null ? failure.getCause() : failure;
            events.write("error", "ref", command.ref(), "message", String.valueOf(cause.getMessage()));
        }
    }

    private static boolean isWrapper(Exception failure) {
        return failure instanceof InvocationTargetException;
    }

    private void setKv(Command command) throws Exception {
        context.getBean(KVStoreService.class).get(TENANT, command.namespace(), null)
            .put(command.kv(), new KVValueAndMetadata(null, command.value()));
        events.write("kv", "key", command.kv());
    }

    private void compute(Command command) throws Exception {
        events.write("dashboard", "ref", command.ref(), "charts", Dashboards.figures(context, Path.of(command.dashboard())));
    }

    private void run(Command command) throws Exception {
        Flow flow = flow(command, command.run());
        FlowInputOutput inputReader = context.getBean(FlowInputOutput.class);
        Map<String, Object> inputs = command.inputs() == null ? Map.of() : command.inputs();
        Execution begun = Execution.newExecution(flow,
            (flowOfRun, execution) -> inputReader.readExecutionInputs(flowOfRun, execution, inputs), List.of(), Optional.empty());
        context.getBean(TestRunnerUtils.class).emitAndAwaitExecution(stored -> true, begun, Duration.ofSeconds(MAX_SECONDS));
        events.write("started", "ref", command.ref(), "execution", begun.getId(), "flow", command.run());
        follow(command, begun.getId());
    }

    private void callWebhook(Command command) throws Exception {
        Flow flow = context.getBean(FlowRepositoryInterface.class).findById(TENANT, command.namespace(), command.webhook())
            .orElseThrow(() -> new IllegalArgumentException("no flow " + command.namespace() + "." + command.webhook()));
        String execution = Webhooks.call(context, flow, command.key() == null ? "" : command.key(), command.value());
        events.write("started", "ref", command.ref(), "execution", execution, "flow", command.webhook());
        follow(command, execution);
    }

    private void follow(Command command) throws Exception {
        follow(command, command.follow());
    }

    private void follow(Command command, String id) throws Exception {
        Duration longest = Duration.ofSeconds(command.seconds() == null ? MAX_SECONDS : command.seconds());
        // By what the watcher has seen: TestRunnerUtils would read each execution from the database every 10 ms.
        for (Instant deadline = Instant.now().plus(longest); !watcher.hasEnded(id); TimeUnit.MILLISECONDS.sleep(LOOK_EVERY.toMillis())) {
            if (Instant.now().isAfter(deadline)) {
                throw new TimeoutException("execution " + id + " has not ended within " + longest);
            }
        }
        tellEnd(command, context.getBean(ExecutionRepositoryInterface.class).findById(TENANT, id).orElseThrow());
    }

    private void tellEnd(Command command, Execution ended) throws Exception {
        TimeUnit.MILLISECONDS.sleep(LOGS_SETTLE.toMillis()); // They are stored some time after the execution has ended.
        for (long looks = watcher.looks(); watcher.looks() < looks + 2; ) {
            TimeUnit.MILLISECONDS.sleep(LOOK_EVERY.toMillis());
        }
        events.write("ended", "ref", command.ref(), "execution", ended.getId(), "flow", ended.getFlowId(),
            "state", ended.getState().getCurrent(), "ms", Watcher.millisOf(ended.getState()),
            "outputs", VersionShim.outputsOf(context, ended), "labels", Label.toMap(ended.getLabels()), "tasks", watcher.tasksOf(ended));
    }

    private void watch() {
        try {
            while (true) {
                watcher.look();
                TimeUnit.MILLISECONDS.sleep(LOOK_EVERY.toMillis());
            }
        } catch (Exception failure) {
            failure.printStackTrace();
            events.write("error", "message", "no more events: " + failure.getMessage());
        }
    }

    private void resume(Command command) throws Exception {
        Execution paused = context.getBean(ExecutionRepositoryInterface.class).findById(TENANT, command.resume())
            .orElseThrow(() -> new IllegalArgumentException("no execution " + command.resume()));
        Flow flow = context.getBean(FlowRepositoryInterface.class).findById(TENANT, paused.getNamespace(), paused.getFlowId()).orElseThrow();
        Map<String, Object> inputs = resumeInputs(flow, paused, command.inputs());
        TestRunnerUtils runner = context.getBean(TestRunnerUtils.class);
        Predicate<Execution> goesOn = candidate -> !candidate.getState().isPaused();
        if (VersionShim.resumeByCommand(context, paused, inputs)) {
            runner.awaitExecution(goesOn, paused, Duration.ofSeconds(MAX_SECONDS));
        } else {
            Execution running = context.getBean(ExecutionService.class).resume(paused, flow, State.Type.RUNNING, inputs, null);
            runner.emitAndAwaitExecution(goesOn, running, Duration.ofSeconds(MAX_SECONDS));
        }
        events.write("resumed", "ref", command.ref(), "execution", paused.getId());
    }

    /** Types, defaults and checks of the `onResume` inputs, as the server has them. */
    private Map<String, Object> resumeInputs(Flow flow, Execution paused, Map<String, Object> given) throws Exception {
        TaskRun pausedTask = paused.findFirstByState(State.Type.PAUSED)
            .orElseThrow(() -> new IllegalArgumentException("execution " + paused.getId() + " is not paused"));
        Pause pause = (Pause) flow.findTaskByTaskId(pausedTask.getTaskId());
        Map<String, Object> typed = new HashMap<>();
        for (InputAndValue input : context.getBean(FlowInputOutput.class).resolveInputs(pause.getOnResume(), flow, paused, given)) {
            if (input.exceptions() != null && !input.exceptions().isEmpty()) {
                throw new IllegalArgumentException(input.exceptions().iterator().next().getMessage());
            }
            typed.put(input.input().getId(), input.value());
        }
        return typed;
    }

    /** As the server answers while somebody fills in the form. */
    private void form(Command command) throws Exception {
        Flow flow = flow(command, command.form());
        Map<String, Object> inputs = command.inputs() == null ? Map.of() : command.inputs();
        List<Map<String, Object>> fields = new ArrayList<>();
        for (InputAndValue field : context.getBean(FlowInputOutput.class)
            .resolveInputs(flow.getInputs(), flow, Execution.newExecution(flow, List.of()), inputs)) {
            fields.add(Map.of(
                "id", field.input().getId(), "enabled", field.enabled(), "values", choices(field.input()),
                "error", field.exceptions() == null || field.exceptions().isEmpty() ? "" : field.exceptions().iterator().next().getMessage()));
        }
        events.write("form", "ref", command.ref(), "fields", fields);
    }

    /** Their types differ between the versions, their JSON does not. */
    private static Object choices(Input<?> input) {
        Object choices = JacksonMapper.toMap(input).get("values");
        return choices == null ? List.of() : choices;
    }

    private Flow flow(Command command, String id) {
        return context.getBean(FlowRepositoryInterface.class).findById(TENANT, command.namespace(), id)
            .orElseThrow(() -> new IllegalArgumentException("no flow " + command.namespace() + "." + id));
    }

    private void kill(Command command) throws Exception {
        Execution execution = context.getBean(ExecutionRepositoryInterface.class).findById(TENANT, command.kill())
            .orElseThrow(() -> new IllegalArgumentException("no execution " + command.kill()));
        context.getBean(TestRunnerUtils.class).killExecution(execution);
    }
}
