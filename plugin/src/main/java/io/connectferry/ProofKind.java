package io.connectferry;

import java.util.Locale;

public enum ProofKind {
    AUTO,
    HARD,
    TIMED;

    /** As the runner names it. */
    String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
