package io.connectferry;

import io.kestra.core.models.tasks.RunnableTaskException;
import io.kestra.core.models.tasks.runners.TaskException;
import io.kestra.plugin.core.runner.Process;
import io.kestra.plugin.scripts.exec.scripts.models.ScriptOutput;
import io.kestra.plugin.scripts.exec.scripts.runners.CommandsWrapper;
import org.slf4j.Logger;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * One run of the runner, which may end gently. Kestra ends a task by interrupting its thread, on which its Process
 * runner sends SIGTERM and at once closes the pipes, so that nothing is left of what the runner says while it puts a
 * connector back. So the command has a thread of its own here: the interrupted one sends SIGTERM and waits for it.
 */
final class RunnerCommand {
    private static final Duration POLL = Duration.ofMillis(50);
    /** Starting a process takes milliseconds, on a loaded machine seconds. */
    private static final Duration BUSY_AT_MOST = Duration.ofSeconds(10);
    /** Kestra interrupts a killed task right after {@link #kill()} returns. */
    private static final Duration INTERRUPT_AFTER_KILL = Duration.ofSeconds(5);

    private final RunnerPlace place;
    private final CommandsWrapper wrapper;
    private final Logger logger;
    private final CompletableFuture<ScriptOutput> ended = new CompletableFuture<>();
    private volatile boolean killed;

    RunnerCommand(RunnerPlace place, CommandsWrapper wrapper, Logger logger) {
        this.place = place;
        this.wrapper = wrapper;
        this.logger = logger;
    }

    /** Runs to the end and returns what the task runner made of it, whatever the exit code. */
    ScriptOutput run() throws Exception {
        // A platform thread, since clients of container engines are not made for virtual ones.
        var thread = Thread.ofPlatform().daemon().name("connect-ferry").unstarted(this::runAndReport);
        thread.setContextClassLoader(Thread.currentThread().getContextClassLoader());
        thread.start();
        try {
            var output = ended.get();
            if (killed) {
                // Kestra would call the task FAILED if it ended before Kestra noted that it was killed.
                new CountDownLatch(1).await(INTERRUPT_AFTER_KILL.toMillis(), TimeUnit.MILLISECONDS);
                throw new InterruptedException("killed");
            }
            return output;
        } catch (InterruptedException interrupted) {
            end(thread);
            throw interrupted;
        } catch (ExecutionException failure) {
            throw failure.getCause() instanceof Exception cause ? cause : failure;
        }
    }

    /** Asks the runner to put back what it began and to end. Does not wait. */
    void kill() {
        killed = true;
        // Of a container: SIGTERM, then waiting for it to stop. Kestra's Process runner does nothing here.
        Thread.ofVirtual().start(place.taskRunner()::kill);
    }

    private void runAndReport() {
        try {
            ended.complete(runOnceFree());
        } catch (RunnableTaskException failure) {
            if (failure.getCause() instanceof TaskException && failure.getOutput() instanceof ScriptOutput output) {
                ended.complete(output); // It ran and exited with another code than 0.
            } else {
                ended.completeExceptionally(failure);
            }
        } catch (Throwable failure) {
            ended.completeExceptionally(failure);
        }
    }

    /** Tries again while another task that is being started holds the runner's file open. */
    private ScriptOutput runOnceFree() throws Exception {
        var deadline = Instant.now().plus(BUSY_AT_MOST);
        while (true) {
            try {
                return wrapper.run();
            } catch (IOException failure) {
                if (!ExecFailure.BUSY.isCauseOf(failure) || Instant.now().isAfter(deadline)) {
                    throw failure;
                }
                new CountDownLatch(1).await(POLL.toMillis(), TimeUnit.MILLISECONDS);
            }
        }
    }

    private void end(Thread thread) {
        if (ended.isDone()) {
            return;
        }
        logger.warn("asked to end, the runner puts back what it began");
        if (!killed) {
            kill(); // A timeout: nobody has asked yet.
        }
        var deadline = Instant.now().plus(place.grace());
        var signalled = !(place.taskRunner() instanceof Process);
        while (!ended.isDone() && Instant.now().isBefore(deadline)) {
            if (!signalled) {
                signalled = runnerProcess().map(ProcessHandle::destroy).orElse(false);
            }
            waitFor(thread);
        }
        if (!ended.isDone()) {
            logger.error("runner did not end within {} s and is killed; run the task again, it goes on from where the clusters stand",
                place.grace().toSeconds());
            runnerProcess().ifPresent(ProcessHandle::destroyForcibly);
            thread.interrupt();
        }
    }

    private static void waitFor(Thread thread) {
        try {
            thread.join(POLL);
        } catch (InterruptedException again) {
            // One reason to end is enough.
        }
    }

    /** The child process, known by the path of its executable, which no other run shares. */
    private Optional<ProcessHandle> runnerProcess() {
        var executable = Path.of(place.executable());
        return ProcessHandle.current().children()
            .filter(child -> child.info().command().map(Path::of).filter(executable::equals).isPresent())
            .findFirst();
    }
}
