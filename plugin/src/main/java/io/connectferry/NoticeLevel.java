package io.connectferry;

/** How bad it is what people are told. */
public enum NoticeLevel {
    INFO,
    WARN,
    ERROR
}
