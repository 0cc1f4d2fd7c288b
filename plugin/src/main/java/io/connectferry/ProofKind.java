package io.connectferry;

public enum ProofKind {
    AUTO,
    HARD,
    TIMED
}
