package engine;

import io.kestra.core.runners.Worker;
import io.micronaut.context.ApplicationContext;

import java.io.OutputStream;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A worker of Kestra 2.0 as a process of its own, which joins the engine whose controller listens on
 * {@code -Dengine.port}. It has no database, as a worker of a real installation has none. Says {@code ready} when it
 * takes tasks, and ends at the end of its input.
 *
 * <pre>java -Dkestra.server-type=WORKER ... engine.WorkerProcess PLUGIN_FOLDER</pre>
 */
public final class WorkerProcess {
    private static final int THREADS = 16;
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private WorkerProcess() {
    }

    /** Reflection, since 1.3 has no such method and this compiles against both. */
    private static void start(Worker worker) throws ReflectiveOperationException {
        Method start = Worker.class.getMethod("start", int.class);
        Thread.ofPlatform().daemon().start(() -> {
            try {
                start.invoke(worker, THREADS);
            } catch (ReflectiveOperationException failure) {
                failure.printStackTrace();
            }
        });
    }

    public static void main(String[] commandLine) {
        Events events = new Events(System.out);
        System.setOut(System.err); // What libraries print must not get between the lines.
        int exitCode = 1;
        try {
            ApplicationContext context = EngineContext.start(Path.of(commandLine[0]));
            Worker worker = context.getBean(Worker.class);
            start(worker);
            while (worker.getState() == null || !worker.getState().isRunning()) {
                TimeUnit.MILLISECONDS.sleep(LOOK_EVERY.toMillis());
            }
            events.write("ready");
            System.in.transferTo(OutputStream.nullOutputStream()); // Nothing is said to it.
            exitCode = 0;
        } catch (Throwable failure) {
            failure.printStackTrace();
            events.write("error", "message", String.valueOf(failure.getMessage()));
        }
        Runtime.getRuntime().halt(exitCode);
    }
}
