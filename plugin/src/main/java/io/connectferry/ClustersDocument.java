package io.connectferry;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.property.Property;
import io.kestra.core.runners.RunContext;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Reads the clusters document and puts Kestra's secrets in the place of `${secret:NAME}`. */
final class ClustersDocument {
    static final String KV_KEY = "connect_clusters";
    static final String CLUSTERS = "clusters";
    static final String URL = "connect_url";
    private static final String CHANNELS = "notify";

    // $${ is the document's way to write ${ itself; what follows it is text. The name goes into an expression, hence its letters.
    private static final Pattern REFERENCE = Pattern.compile("\\$?\\$\\{secret:([^}]*)}");
    private static final Pattern SECRET_NAME = Pattern.compile("[A-Za-z0-9_.-]+");

    private ClustersDocument() {
    }

    /**
     * Returns the document for one run: of the clusters that it works on all there is, with their secrets, of the others
     * the URLs alone, so that a run is given no credential that it does not need. The same goes for the channels.
     *
     * @param declared the task's `clusters`, or null for the KV entry of the flow's namespace or of one above it
     * @param inUse says of a name whether the run works on that cluster
     * @param channels whether the run tells people
     */
    static Map<String, Object> read(RunContext runContext, Property<Map<String, Object>> declared, Predicate<String> inUse, boolean channels) throws Exception {
        Property<Map<String, Object>> source = declared == null ? Property.ofExpression("{{ kv('" + KV_KEY + "') }}") : declared;
        Map<String, Object> document;
        try {
            document = runContext.render(source).asMap(String.class, Object.class);
        } catch (IllegalVariableEvaluationException failure) {
            // Not the cause's own text beyond a missing key: it may quote the document.
            var found = String.valueOf(failure.getMessage()).contains("does not exist");
            throw new IllegalArgumentException(declared != null
                ? "`clusters` is not a clusters document, expected an object with the key clusters"
                : "KV entry " + KV_KEY + (found ? " does not exist in this namespace" : " is not a JSON object")
                    + ", set it to the clusters document (JSON, with the key clusters)");
        }
        if (document == null || document.isEmpty()) {
            throw new IllegalArgumentException("`clusters` is empty, expected an object with the key clusters");
        }
        Map<String, Object> needed = new LinkedHashMap<>(withoutOthers(document, inUse));
        if (!channels) {
            needed.remove(CHANNELS);
        }
        return resolveMap(runContext, needed);
    }

    private static Map<String, Object> withoutOthers(Map<String, Object> document, Predicate<String> inUse) {
        if (!(document.get(CLUSTERS) instanceof Map<?, ?> clusters)) {
            return document; // The runner says what is wrong with it.
        }
        Map<Object, Object> kept = new LinkedHashMap<>(clusters);
        kept.replaceAll((name, cluster) -> {
            if (inUse.test(String.valueOf(name)) || !(cluster instanceof Map<?, ?> settings) || settings.get(URL) == null) {
                return cluster;
            }
            return Map.of(URL, settings.get(URL));
        });
        Map<String, Object> small = new LinkedHashMap<>(document);
        small.put(CLUSTERS, kept);
        return small;
    }

    private static Map<String, Object> resolveMap(RunContext runContext, Map<?, ?> map) throws IllegalVariableEvaluationException {
        Map<String, Object> resolved = new LinkedHashMap<>();
        for (var entry : map.entrySet()) {
            resolved.put(String.valueOf(entry.getKey()), resolve(runContext, entry.getValue()));
        }
        return resolved;
    }

    private static Object resolve(RunContext runContext, Object value) throws IllegalVariableEvaluationException {
        return switch (value) {
            case String text -> resolveText(runContext, text);
            case Map<?, ?> map -> resolveMap(runContext, map);
            case List<?> list -> {
                var resolved = list.toArray();
                for (var i = 0; i < resolved.length; i++) {
                    resolved[i] = resolve(runContext, resolved[i]);
                }
                yield resolved;
            }
            case null, default -> value;
        };
    }

    private static String resolveText(RunContext runContext, String text) throws IllegalVariableEvaluationException {
        var references = REFERENCE.matcher(text);
        var resolved = new StringBuilder();
        while (references.find()) {
            var reference = references.toMatchResult();
            references.appendReplacement(resolved, "");
            resolved.append(reference.group().startsWith("$$") ? reference.group() : secret(runContext, reference));
        }
        return references.appendTail(resolved).toString();
    }

    private static String secret(RunContext runContext, MatchResult reference) {
        var name = reference.group(1);
        if (!SECRET_NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("`clusters` holds ${secret:" + name + "}, which is not the name of a secret");
        }
        String value;
        try {
            value = runContext.render("{{ secret('" + name + "') }}");
        } catch (IllegalVariableEvaluationException failure) {
            throw new IllegalArgumentException("secret " + name + ", named in `clusters`, cannot be read, set it in Kestra's secrets");
        }
        // The runner resolves ${env:…} and ${file:…} after us; a secret that looks like one must arrive as it is.
        return value.replace("${", "$${");
    }
}
