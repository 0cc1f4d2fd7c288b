package io.connectferry;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class RunnerUserTest {
    private static final RunnerUser WORKER = new RunnerUser(1000, 1001);

    @Test
    void isOneWhoCanReadTheRequest() {
        assertEquals(RunnerUser.OF_THE_IMAGE, RunnerUser.ofContainer(null, RunnerUser.ROOT));
        assertEquals(WORKER, RunnerUser.ofContainer(null, WORKER));
        assertEquals(new RunnerUser(2000, 2000), RunnerUser.ofContainer("2000", RunnerUser.ROOT));
        assertEquals(new RunnerUser(2000, 3000), RunnerUser.ofContainer("2000:3000", RunnerUser.ROOT));
        assertEquals(RunnerUser.ROOT, RunnerUser.ofContainer("root", WORKER));
    }

    @Test
    void refusesOneWhoCannot() {
        assertThrows(IllegalArgumentException.class, () -> RunnerUser.ofContainer("ferry", RunnerUser.ROOT));
        assertThrows(IllegalArgumentException.class, () -> RunnerUser.ofContainer("2000", WORKER));
    }
}
