package io.connectferry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The files of one run: the request, with secrets in it, what the runner reads beside it, and its results. A hidden
 * folder of the task's working directory which nobody but the runner's user can enter, gone when closed.
 */
final class PrivateFolder implements AutoCloseable {
    private static final String OWNER_FOLDER = "rwx------";
    private static final String OWNER_FILE = "rw-------";

    private final Path workingDirectory;
    private final Path folder;

    private PrivateFolder(Path workingDirectory, Path folder) {
        this.workingDirectory = workingDirectory;
        this.folder = folder;
    }

    /** Hidden, so that `outputFiles: ["*"]` of a surrounding task does not collect it. */
    static PrivateFolder in(Path workingDirectory) throws IOException {
        var ownerOnly = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_FOLDER));
        return new PrivateFolder(workingDirectory, Files.createTempDirectory(workingDirectory, ".connect-ferry-", ownerOnly));
    }

    Path path() {
        return folder;
    }

    /** The path of a file as the runner sees it, which starts in the working directory wherever that is mounted. */
    String fromWorkingDirectory(String name) {
        return workingDirectory.relativize(folder.resolve(name)).toString();
    }

    /** Makes a folder in it, for files that the runner names. */
    void create(String name) throws IOException {
        Files.createDirectory(folder.resolve(name), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_FOLDER)));
    }

    void write(String name, byte[] content) throws IOException {
        var file = folder.resolve(name);
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_FILE)));
        Files.write(file, content);
    }

    /** Hands the folder and its files to the user the runner will be; a task runner copies owners and modes along. */
    void giveTo(RunnerUser user) throws IOException {
        try (Stream<Path> tree = Files.walk(folder)) {
            tree.forEach(path -> give(path, user));
        } catch (UncheckedIOException failure) {
            throw failure.getCause();
        }
    }

    private static void give(Path path, RunnerUser user) {
        try {
            if (user.isAnyone()) {
                Files.setPosixFilePermissions(path, forAnyone(path));
            } else if (!user.equals(RunnerUser.ownerOf(path))) {
                Files.setAttribute(path, "unix:gid", user.gid());
                Files.setAttribute(path, "unix:uid", user.uid());
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static Set<PosixFilePermission> forAnyone(Path path) {
        return PosixFilePermissions.fromString(Files.isDirectory(path) ? "rwxrwxrwx" : "rw-rw-rw-");
    }

    @Override
    public void close() throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
