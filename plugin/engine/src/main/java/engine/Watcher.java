package engine;

import io.kestra.core.models.Label;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.executions.TaskRun;
import io.kestra.core.models.flows.State;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.services.ExecutionLogService;
import io.kestra.jdbc.JooqDSLContextWrapper;
import io.micronaut.context.ApplicationContext;
import org.jooq.impl.DSL;
import org.slf4j.event.Level;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import static engine.EngineContext.TENANT;

/**
 * Tells what changed since it last looked, in all executions and so in those that a flow started too. It reads the
 * repositories, since the queues of 1.3 and 2.0 have nothing in common.
 */
final class Watcher {
    private final ApplicationContext context;
    private final Events events;
    private final Map<String, State.Type> executionStates = new HashMap<>();
    private final Map<String, State.Type> taskStates = new HashMap<>();
    private final Map<String, Map<String, Integer>> logsSeen = new HashMap<>();
    /** The state and length of what is stored of each execution, and how many lines of its log, so that only news are read as JSON. */
    private final Map<String, Object> stored = new HashMap<>();
    private final Map<String, Object> logged = new HashMap<>();
    private long looks;

    Watcher(ApplicationContext context, Events events) {
        this.context = context;
        this.events = events;
    }

    /** Writes the news. */
    synchronized void look() {
        ExecutionRepositoryInterface executions = context.getBean(ExecutionRepositoryInterface.class);
        Set<String> changed = news(stored, "SELECT \"key\", \"state_current\" || CHAR_LENGTH(\"value\") FROM executions");
        changed.forEach(id -> executions.findById(TENANT, id).ifPresent(this::tellOf));
        Set<String> talking = news(logged, "SELECT \"execution_id\", COUNT(*) FROM logs WHERE \"execution_id\" IS NOT NULL GROUP BY \"execution_id\"");
        talking.forEach(id -> executions.findById(TENANT, id).ifPresent(this::tellLogsOf));
        looks++;
    }

    /** The keys whose values differ from those known, which it then knows. */
    private Set<String> news(Map<String, Object> known, String query) {
        Map<String, Object> now = new LinkedHashMap<>();
        context.getBean(JooqDSLContextWrapper.class).transactionResult(configuration -> DSL.using(configuration).fetch(query))
            .forEach(row -> now.put(row.get(0, String.class), row.get(1)));
        now.entrySet().removeIf(row -> row.getValue().equals(known.put(row.getKey(), row.getValue())));
        return now.keySet();
    }

    /** How often it has looked; two more looks are one that began after now. */
    synchronized long looks() {
        return looks;
    }

    synchronized boolean hasEnded(String execution) {
        State.Type state = executionStates.get(execution);
        return state != null && state.isTerminated();
    }

    private void tellOf(Execution execution) {
        if (execution.getState().getCurrent() != executionStates.put(execution.getId(), execution.getState().getCurrent())) {
            events.write("execution", "execution", execution.getId(), "flow", execution.getFlowId(), "parent", parentOf(execution),
                "state", execution.getState().getCurrent(), "labels", Label.toMap(execution.getLabels()));
        }
        for (TaskRun taskRun : taskRunsOf(execution)) {
            if (taskRun.getState().getCurrent() != taskStates.put(taskRun.getId(), taskRun.getState().getCurrent())) {
                events.write("task", "execution", execution.getId(), "flow", execution.getFlowId(), "task", taskRun.getTaskId(),
                    "value", taskRun.getValue(), "state", taskRun.getState().getCurrent());
            }
        }
    }

    private void tellLogsOf(Execution execution) {
        List<LogEntry> logs = new ArrayList<>(context.getBean(ExecutionLogService.class)
            .getExecutionLogs(TENANT, execution.getId(), Level.INFO, null, null, null, false));
        logs.sort(Comparator.comparing(LogEntry::getTimestamp));
        // By what they are, not by their number: one that is stored late may stand before others that were seen.
        Map<String, Integer> told = new HashMap<>(logsSeen.getOrDefault(execution.getId(), Map.of()));
        Map<String, Integer> seen = logsSeen.computeIfAbsent(execution.getId(), id -> new HashMap<>());
        for (LogEntry entry : logs) {
            String line = entry.getTimestamp() + " " + entry.getTaskRunId() + " " + entry.getMessage();
            if (told.merge(line, -1, Integer::sum) >= 0) {
                continue;
            }
            seen.merge(line, 1, Integer::sum);
            events.write("log", "execution", execution.getId(), "flow", execution.getFlowId(), "task", entry.getTaskId(),
                "level", entry.getLevel(), "at", entry.getTimestamp(), "message", entry.getMessage());
        }
    }

    List<Map<String, Object>> tasksOf(Execution execution) throws Exception {
        List<Map<String, Object>> tasks = new ArrayList<>();
        for (TaskRun taskRun : taskRunsOf(execution)) {
            Map<String, Object> task = new LinkedHashMap<>();
            task.put("task", taskRun.getTaskId());
            task.put("value", taskRun.getValue());
            task.put("state", taskRun.getState().getCurrent());
            task.put("ms", millisOf(taskRun.getState()));
            task.put("outputs", VersionShim.outputsOf(context, taskRun));
            tasks.add(task);
        }
        return tasks;
    }

    static Long millisOf(State state) {
        List<State.History> history = state.getHistories();
        return history == null || history.isEmpty() ? null
            : Duration.between(history.getFirst().getDate(), history.getLast().getDate()).toMillis();
    }

    private static List<TaskRun> taskRunsOf(Execution execution) {
        return execution.getTaskRunList() == null ? List.of() : execution.getTaskRunList();
    }

    /** A sub-flow's execution names its parent in its trigger, an iteration of 2.0's Loop as its parent. */
    private static String parentOf(Execution execution) {
        Object byTrigger = execution.getTrigger() == null || execution.getTrigger().getVariables() == null ? null
            : execution.getTrigger().getVariables().get("executionId");
        return byTrigger != null ? byTrigger.toString() : execution.getParentId();
    }
}
