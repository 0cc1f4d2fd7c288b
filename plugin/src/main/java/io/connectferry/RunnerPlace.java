package io.connectferry;

import io.kestra.core.models.tasks.runners.TaskRunner;
import io.kestra.core.runners.RunContext;
import io.kestra.plugin.core.runner.Process;
import io.kestra.plugin.scripts.runner.docker.Docker;

import java.time.Duration;

/**
 * Where the runner runs and as whom.
 *
 * @param executable absolute path of the runner there
 * @param grace how long it may take to put back what it began after it was asked to end
 */
record RunnerPlace(TaskRunner<?> taskRunner, String executable, RunnerUser user, Duration grace) {
    /** The runner gives itself 30 s to put a connector back; the rest is for several of them and slow starts. */
    static final Duration DEFAULT_GRACE = Duration.ofSeconds(60);

    private static final String IN_THE_IMAGE = "/ferry";

    static RunnerPlace of(TaskRunner<?> declared, RunContext runContext, PrivateFolder folder) throws Exception {
        var worker = RunnerUser.ownerOf(folder.path());
        if (declared instanceof Process) {
            return new RunnerPlace(declared, EmbeddedRunner.extractTo(folder.path()).toString(), worker, DEFAULT_GRACE);
        }
        if (declared instanceof Docker docker) {
            var user = RunnerUser.ofContainer(docker.getUser() == null ? null : runContext.render(docker.getUser()), worker);
            // Kestra's default of zero is SIGKILL at once, which would leave a move half done.
            var grace = docker.getKillGracePeriod().isPositive() ? docker.getKillGracePeriod() : DEFAULT_GRACE;
            return new RunnerPlace(docker.toBuilder().user(user.text()).killGracePeriod(grace).build(), IN_THE_IMAGE, user, grace);
        }
        return new RunnerPlace(declared, IN_THE_IMAGE, RunnerUser.ANYONE, DEFAULT_GRACE);
    }
}
