package io.connectferry;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.FileNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class EmbeddedRunnerTest {
    @ParameterizedTest
    @ValueSource(strings = {"linux-amd64", "linux-arm64"})
    void carriesTheRunner(String platform, @TempDir Path folder) throws Exception {
        var runner = EmbeddedRunner.extractTo(folder, platform);
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(runner)));
        assertTrue(Files.size(runner) > 1_000_000, "size " + Files.size(runner));
    }

    @Test
    void saysWhatToDoElsewhere(@TempDir Path folder) {
        var failure = assertThrows(FileNotFoundException.class,
            () -> EmbeddedRunner.extractTo(folder, EmbeddedRunner.platform("Windows 11", "amd64")));
        assertEquals("this plugin carries no runner for windows-11-amd64, set `taskRunner` to a container task runner such as "
            + "io.kestra.plugin.scripts.runner.docker.Docker", failure.getMessage());
    }

    @Test
    void namesPlatformsAsGoDoes() {
        assertEquals("linux-arm64", EmbeddedRunner.platform("Linux", "aarch64"));
        assertEquals("linux-amd64", EmbeddedRunner.platform("Linux", "x86_64"));
    }

    @Test
    void isInTheImageOfItsVersion() {
        assertEquals("connectferry/ferry:" + System.getProperty("plugin.version"), AbstractFerryTask.DEFAULT_IMAGE);
    }
}
