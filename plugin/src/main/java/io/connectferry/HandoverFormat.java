package io.connectferry;

/** The deployment tools that a handover is written for. */
public enum HandoverFormat {
    NS4KAFKA, STRIMZI, TERRAFORM, JSON
}
