package io.connectferry;

/** What a watch does about a connector that runs on both clusters. */
public enum WatchPolicy {
    REPORT,
    STOP
}
