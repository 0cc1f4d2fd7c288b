package io.connectferry;

/** How far the moves of a plan go. */
public enum Stage {
    PREPARED,
    MOVED
}
