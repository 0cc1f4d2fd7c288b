package io.connectferry;

public enum CopyWay {
    AUTO,
    REST,
    RAW
}
