package io.connectferry;

import java.io.IOException;
import java.util.regex.Pattern;

/** Why the system did not run a program, as Java's messages have it: "error=13" or, by newer JDKs, "error: 13". */
enum ExecFailure {
    /** EACCES: the file system is mounted noexec. */
    FORBIDDEN(13),
    /**
     * ETXTBSY: a process that another task is just starting holds the file open that was written here a moment ago, as
     * it inherits what is open until it runs its own program. Nothing was run.
     */
    BUSY(26);

    private final Pattern message;

    ExecFailure(int errno) {
        message = Pattern.compile("error[=:] ?" + errno + "\\b");
    }

    boolean isCauseOf(IOException failure) {
        return message.matcher(String.valueOf(failure.getMessage())).find();
    }
}
