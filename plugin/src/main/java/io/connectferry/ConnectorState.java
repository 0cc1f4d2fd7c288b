package io.connectferry;

/** A state of a connector that a move keeps. */
public enum ConnectorState {
    RUNNING,
    PAUSED,
    STOPPED
}
