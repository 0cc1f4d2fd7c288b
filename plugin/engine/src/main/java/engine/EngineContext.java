package engine;

import io.kestra.core.plugins.DefaultPluginRegistry;
import io.micronaut.context.ApplicationContext;

import java.nio.file.Files;
import java.nio.file.Path;

/** Starts Kestra's Micronaut context from {@code application.yml} on the class path. */
final class EngineContext {
    static final String TENANT = "main";

    private EngineContext() {
    }

    static ApplicationContext start(Path pluginFolder) {
        if (pluginFolder != null) {
            registerPlugins(pluginFolder);
        }
        return ApplicationContext.builder()
            .environments("cli")
            .deduceEnvironment(false)
            .start();
    }

    /** The path a server takes for the jars of its plugins folder; must come before the context starts. */
    private static void registerPlugins(Path pluginFolder) {
        if (!Files.isDirectory(pluginFolder)) {
            throw new IllegalArgumentException("plugin folder " + pluginFolder + " does not exist, build the plugin first");
        }
        DefaultPluginRegistry.getOrCreate().registerIfAbsent(pluginFolder.toAbsolutePath());
    }
}
