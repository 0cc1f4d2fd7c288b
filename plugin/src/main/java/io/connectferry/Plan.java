package io.connectferry;

import io.kestra.core.models.annotations.Example;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.annotations.PluginProperty;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.property.URIFetcher;
import io.kestra.core.runners.RunContext;
import io.kestra.core.serializers.JacksonMapper;
import io.swagger.v3.oas.annotations.media.Schema;
import jakarta.validation.constraints.NotNull;
import lombok.Builder;
import lombok.EqualsAndHashCode;
import lombok.Getter;
import lombok.NoArgsConstructor;
import lombok.ToString;
import lombok.experimental.SuperBuilder;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

@SuperBuilder
@ToString
@EqualsAndHashCode
@Getter
@NoArgsConstructor
@Schema(
    title = "Plan the moves of a whole cluster, for review",
    description = """
        Reads only. Decides by rules, or from a list, where each connector of the origin goes, and checks each move. The plan and its \
        report go to internal storage; `Apply` carries out that very plan. Fails with exit code 10 if a move is refused; the plan and the \
        report, which names every reason, are outputs all the same."""
)
@Plugin(
    examples = {
        @Example(
            title = "Plan by rules in a namespace file, and put the report into the outputs",
            full = true,
            code = """
                id: plan_europe
                namespace: company.team

                tasks:
                  - id: plan
                    type: io.connectferry.Plan
                    origin: global
                    rules: nsfile:///rules.yaml

                outputs:
                  - id: report
                    type: STRING
                    value: "{{ outputs.plan.report ?? '' }}"
                """
        ),
        @Example(
            title = "Plan by rules in the task: the connectors of a name go to europe, the smallest one first",
            full = true,
            code = """
                id: plan_by_name
                namespace: company.team

                tasks:
                  - id: plan
                    type: io.connectferry.Plan
                    origin: global
                    rules:
                      waves: {max_tasks: 40, canary: 1}
                      rules:
                        - name: europe
                          match: {glob: eu-*}
                          target: europe
                        - name: the rest
                          match: {not: {glob: eu-*}}
                          target: stay

                  - id: tell
                    type: io.kestra.plugin.core.log.Log
                    message: "plan {{ outputs.plan.hash }}: {{ outputs.plan.message }}"
                """
        ),
        @Example(
            title = "Plan two connectors without rules",
            full = true,
            code = """
                id: plan_two
                namespace: company.team

                tasks:
                  - id: plan
                    type: io.connectferry.Plan
                    origin: global
                    target: europe
                    connectors: [orders, payments]
                """
        )
    }
)
public class Plan extends AbstractFerryTask implements OverridesInterface, CopyInterface, AcceptInterface, ProofInterface {
    private static final String RULES_FILE = "rules.yaml";
    private static final String PLAN_FILE = "plan.json";
    private static final String REPORT_FILE = "plan.html";
    private static final String MARKDOWN_FILE = "plan.md";

    /** Where the URIs of the reports go. */
    static final Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> REPORTS = Map.of(
        REPORT_FILE, RunnerOutput.RunnerOutputBuilder::report,
        MARKDOWN_FILE, RunnerOutput.RunnerOutputBuilder::markdown);

    @Schema(title = "Origin", description = "The cluster to move from, by its name in `clusters`.")
    @NotNull
    @PluginProperty(group = "main")
    private Property<String> origin;

    @Schema(
        title = "Rules",
        description = """
            Where each connector of the origin goes: an object, the same as YAML text, or the URI of a file (`kestra://` in internal \
            storage, `nsfile:///` of the namespace). Either this, or `target` with `connectors`."""
    )
    @PluginProperty(group = "main", internalStorageURI = true)
    private Property<Object> rules;

    @Schema(title = "Target", description = "The cluster that `connectors` move to, instead of `rules`.")
    @PluginProperty(group = "main")
    private Property<String> target;

    @Schema(title = "Connector names", description = "Those that move to `target`. All others stay.")
    @PluginProperty(group = "main")
    private Property<List<String>> connectors;

    @Schema(title = "New names by old names", description = "For connectors that get another name on `target`.")
    @PluginProperty(group = "processing")
    private Property<Map<String, String>> rename;

    @ToString.Exclude
    private Property<Map<String, String>> set;

    private Property<List<String>> unset;

    @Builder.Default
    private Property<Boolean> overwrite = Property.ofValue(false);

    @Builder.Default
    private Property<ProofKind> proof = Property.ofValue(ProofKind.AUTO);

    @Builder.Default
    private Property<Boolean> allowDuplicates = Property.ofValue(false);

    @Builder.Default
    private Property<CopyWay> copy = Property.ofValue(CopyWay.AUTO);

    @Builder.Default
    private Property<Boolean> sameLog = Property.ofValue(false);

    @Builder.Default
    private Property<Boolean> otherKafka = Property.ofValue(false);

    @Builder.Default
    private Property<Boolean> atLeastOnce = Property.ofValue(false);

    @Schema(title = "Connectors checked at a time", description = "From 1 to 64. Defaults to 8.")
    @Builder.Default
    @PluginProperty(group = "execution")
    private Property<Integer> concurrency = Property.ofValue(AbstractMoveTask.DEFAULT_CONCURRENCY);

    @Override
    String command() {
        return "plan";
    }

    @Override
    void describe(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        request.text("origin", origin).text("target", target).texts("connector", connectors).textMap("rename", rename)
            .number("concurrency", concurrency);
        describeRules(request, folder, runContext);
        describeOverrides(request);
        describeCopy(request);
        describeAccepted(request);
        describeProof(request);
        request.put("out", folder.fromWorkingDirectory(PLAN_FILE));
        describeReports(request, folder);
    }

    static void describeReports(Request request, PrivateFolder folder) {
        request.put("report", folder.fromWorkingDirectory(REPORT_FILE)).put("markdown", folder.fromWorkingDirectory(MARKDOWN_FILE));
    }

    private void describeRules(Request request, PrivateFolder folder, RunContext runContext) throws Exception {
        var rRules = runContext.render(rules).as(Object.class).orElse("");
        var text = rRules instanceof String given ? given.strip() : JacksonMapper.ofJson().writeValueAsString(rRules);
        if (text.isEmpty()) {
            return;
        }
        var content = URIFetcher.supports(text) ? request.content("rules", text) : text.getBytes(StandardCharsets.UTF_8);
        folder.write(RULES_FILE, content);
        request.put("rules", folder.fromWorkingDirectory(RULES_FILE));
        // The runner reads the rules; here they need not be understood to see which clusters they may mean.
        var names = new String(content, StandardCharsets.UTF_8);
        request.alsoUses(cluster -> Pattern.compile("(?<![\\w.-])" + Pattern.quote(cluster) + "(?![\\w.-])").matcher(names).find());
    }

    @Override
    Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> outputFiles() {
        Map<String, BiConsumer<RunnerOutput.RunnerOutputBuilder, URI>> files = new HashMap<>(REPORTS);
        files.put(PLAN_FILE, RunnerOutput.RunnerOutputBuilder::uri);
        return files;
    }
}
