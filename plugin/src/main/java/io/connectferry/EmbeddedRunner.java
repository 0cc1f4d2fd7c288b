package io.connectferry;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/** The runner carried by this jar, for linux on amd64 and arm64. */
final class EmbeddedRunner {
    static final String NAME = "ferry";

    private EmbeddedRunner() {
    }

    /** Extracts the runner for this machine into a folder and returns its absolute path, since the process starts elsewhere. */
    static Path extractTo(Path folder) throws IOException {
        return extractTo(folder, platform(System.getProperty("os.name"), System.getProperty("os.arch")));
    }

    static Path extractTo(Path folder, String platform) throws IOException {
        var resource = "bin/" + platform + "/" + NAME;
        var runner = folder.resolve(NAME).toAbsolutePath();
        String found;
        try (var content = open(resource, platform);
             var target = new DigestOutputStream(Files.newOutputStream(runner), sha256())) {
            content.transferTo(target);
            found = HexFormat.of().formatHex(target.getMessageDigest().digest());
        }
        String expected;
        try (var content = open(resource + ".sha256", platform)) {
            expected = new String(content.readAllBytes(), StandardCharsets.US_ASCII).strip();
        }
        if (!found.equals(expected)) {
            throw new IOException("the runner extracted to " + runner + " has sha256 " + found + ", expected " + expected
                + "; is the disk full, or the plugin's jar damaged?");
        }
        Files.setPosixFilePermissions(runner, PosixFilePermissions.fromString("rwx------"));
        return runner.toRealPath(); // As the system names it in its list of processes.
    }

    static String platform(String system, String architecture) {
        var go = switch (architecture) {
            case "amd64", "x86_64" -> "amd64";
            case "aarch64" -> "arm64";
            default -> architecture;
        };
        return system.toLowerCase(Locale.ROOT).replace(' ', '-') + "-" + go;
    }

    private static InputStream open(String resource, String platform) throws IOException {
        // The plugin's own class loader: Kestra isolates plugins from each other.
        var content = EmbeddedRunner.class.getClassLoader().getResourceAsStream(resource);
        if (content == null) {
            throw new FileNotFoundException("this plugin carries no runner for " + platform
                + ", set `taskRunner` to a container task runner such as io.kestra.plugin.scripts.runner.docker.Docker");
        }
        return content;
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException failure) {
            throw new IllegalStateException("every Java platform has SHA-256", failure);
        }
    }
}
