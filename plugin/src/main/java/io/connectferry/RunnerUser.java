package io.connectferry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * The user the runner runs as, by number, since that is what the files it is handed are owned by. {@link #ANYONE}
 * stands for a container of which the user cannot be known.
 */
record RunnerUser(int uid, int gid) {
    static final RunnerUser ROOT = new RunnerUser(0, 0);
    /** The user of the runner's image. */
    static final RunnerUser OF_THE_IMAGE = new RunnerUser(65532, 65532);
    static final RunnerUser ANYONE = new RunnerUser(-1, -1);

    private static final Pattern NUMBERS = Pattern.compile("(\\d{1,9})(?::(\\d{1,9}))?");

    boolean isAnyone() {
        return equals(ANYONE);
    }

    /** As a container's `user`. */
    String text() {
        return uid + ":" + gid;
    }

    static RunnerUser ownerOf(Path path) throws IOException {
        return new RunnerUser((int) Files.getAttribute(path, "unix:uid"), (int) Files.getAttribute(path, "unix:gid"));
    }

    /**
     * The user of a container.
     *
     * @param declared the task runner's `user`, or null
     * @param worker who this process is: only root can hand files to someone else
     */
    static RunnerUser ofContainer(String declared, RunnerUser worker) {
        if (declared == null || declared.isBlank()) {
            return worker.uid() == 0 ? OF_THE_IMAGE : worker;
        }
        if (declared.equals("root")) {
            return ROOT;
        }
        var numbers = NUMBERS.matcher(declared);
        if (!numbers.matches()) {
            throw new IllegalArgumentException("task runner user \"" + declared + "\" cannot be given the request file, "
                + "use a number such as 65532, or root");
        }
        var uid = Integer.parseInt(numbers.group(1));
        var user = new RunnerUser(uid, numbers.group(2) == null ? uid : Integer.parseInt(numbers.group(2)));
        if (worker.uid() != 0 && uid != 0 && uid != worker.uid()) {
            throw new IllegalArgumentException("task runner user " + uid + " cannot be given the request file by a worker that runs as "
                + worker.uid() + ", leave the user out or use " + worker.uid());
        }
        return user;
    }
}
