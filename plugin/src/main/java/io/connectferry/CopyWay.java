package io.connectferry;

import java.util.Locale;

public enum CopyWay {
    AUTO,
    REST,
    RAW;

    /** As the runner names it. */
    String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
