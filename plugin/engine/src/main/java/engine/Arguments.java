package engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Command line of {@link Engine} and {@link Validate}.
 *
 * @param flowFolders folders of flow files; their subfolders are not read
 * @param pluginFolder as a server's plugins folder, or null
 * @param withWorker whether the engine has a worker of its own
 */
record Arguments(List<Path> flowFolders, Path pluginFolder, boolean withWorker) {
    static final String USAGE = """
        usage: engine.Engine --flows DIR [--flows DIR] [--plugins DIR] [--no-worker], then one command per line of standard input
               engine.Validate --flows DIR [--flows DIR] [--plugins DIR]""";

    static Arguments parse(String[] commandLine) {
        List<Path> flowFolders = new ArrayList<>();
        Path pluginFolder = null;
        boolean withWorker = true;
        for (int index = 0; index < commandLine.length; index++) {
            switch (commandLine[index]) {
                case "--flows" -> flowFolders.add(Path.of(valueOf(commandLine, ++index)));
                case "--plugins" -> pluginFolder = Path.of(valueOf(commandLine, ++index));
                case "--no-worker" -> withWorker = false;
                default -> throw new IllegalArgumentException("argument " + commandLine[index] + " is not known\n" + USAGE);
            }
        }
        if (flowFolders.isEmpty()) {
            throw new IllegalArgumentException("--flows is needed\n" + USAGE);
        }
        return new Arguments(flowFolders, pluginFolder, withWorker);
    }

    private static String valueOf(String[] commandLine, int index) {
        if (index >= commandLine.length) {
            throw new IllegalArgumentException(commandLine[index - 1] + " needs a value\n" + USAGE);
        }
        return commandLine[index];
    }
}
