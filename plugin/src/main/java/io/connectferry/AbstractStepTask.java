package io.connectferry;

import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.util.LinkedHashMap;
import java.util.Map;

/** A task for one connector on one cluster, which may be given by its URL instead of by its name in `clusters`. */
@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
public abstract class AbstractStepTask extends AbstractFerryTask {
    private static final String SINGLE_CLUSTER = "connect";

    @Schema(title = "Cluster", description = "The connector's cluster, by its name in `clusters`. Either this or `connectUrl`.")
    @PluginProperty(group = "main")
    private Property<String> cluster;

    @Schema(title = "Connector name")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> connector;

    @Schema(
        title = "Kafka Connect REST URL",
        description = "Such as `http://connect:8083`, for a cluster that is not in `clusters`. Its Kafka is not known then, so any proof is timed."
    )
    @PluginProperty(group = "connection")
    private Property<String> connectUrl;

    @Schema(title = "Username for HTTP basic authentication", description = "With `connectUrl`.")
    @PluginProperty(group = "connection")
    private Property<String> username;

    @Schema(title = "Password for HTTP basic authentication", description = "With `connectUrl`. Use a secret.")
    @ToString.Exclude
    @PluginProperty(group = "connection", secret = true)
    private Property<String> password;

    @Schema(title = "HTTP headers", description = "Sent with every request to `connectUrl`.")
    @ToString.Exclude
    @PluginProperty(group = "connection") // Not `secret`, which refuses literals, and most of it are no secrets.
    private Property<Map<String, String>> headers;

    /** A property that names a second cluster, or null. */
    String secondCluster() {
        return null;
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("connector", connector);
        if (connectUrl == null) {
            request.text("cluster", cluster);
            if (request.get("cluster") == null) {
                throw new IllegalArgumentException("`cluster` is empty, name a cluster of `clusters`, or give `connectUrl`");
            }
        } else {
            request.put("cluster", SINGLE_CLUSTER);
        }
    }

    @Override
    Map<String, Object> clusters(RunContext runContext, Request request) throws Exception {
        if (connectUrl == null) {
            return super.clusters(runContext, request);
        }
        if (cluster != null || getClusters() != null || secondCluster() != null) {
            var other = cluster != null ? "cluster" : getClusters() != null ? "clusters" : secondCluster();
            throw new IllegalArgumentException("`connectUrl` and `" + other + "` do not go together, "
                + "name the cluster in `clusters` and use `cluster`");
        }
        Map<String, Object> single = new LinkedHashMap<>();
        single.put(ClustersDocument.URL, escape(runContext.render(connectUrl).as(String.class).orElse("")));
        runContext.render(username).as(String.class).ifPresent(text -> single.put("username", escape(text)));
        runContext.render(password).as(String.class).ifPresent(text -> single.put("password", escape(text)));
        if (headers != null) {
            Map<String, String> rHeaders = new LinkedHashMap<>(runContext.render(headers).asMap(String.class, String.class));
            rHeaders.replaceAll((header, text) -> escape(text));
            single.put("headers", rHeaders);
        }
        return Map.of(ClustersDocument.CLUSTERS, Map.of(SINGLE_CLUSTER, single));
    }

    /** Kestra has rendered these; the runner must not look for references in them once more. */
    private static String escape(String text) {
        return text.replace("${", "$${");
    }
}
