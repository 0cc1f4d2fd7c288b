package io.connectferry;

import io.kestra.core.models.flows.State;
import io.kestra.core.models.property.Property;
import io.kestra.core.models.tasks.RunnableTaskException;
import io.kestra.core.runners.RunContext;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.serializers.JacksonMapper;
import io.kestra.core.utils.TestsUtils;
import io.micronaut.context.ApplicationContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TasksTest {
    private static final Map<String, Object> CLUSTERS = Map.of("clusters", Map.of(
        "global", Map.of("connect_url", "http://global:8083"),
        "europe", Map.of("connect_url", "http://europe:8083", "username", "ferry", "password", "${secret:CONNECT_PASSWORD}")));
    private static final String SECRET = "s3cr3t-${of}-the-test";

    private static ApplicationContext kestra;
    private static RunContextFactory runContextFactory;

    /** What @KestraTest does, which would need Micronaut's annotation processor for this one class. */
    @BeforeAll
    static void start() {
        kestra = ApplicationContext.run("test");
        runContextFactory = kestra.getBean(RunContextFactory.class);
    }

    @AfterAll
    static void stop() {
        kestra.close();
    }

    /** What each task asks of the runner, as JSON but for what all have. */
    static Stream<Case> tasks() {
        return Stream.of(
            new Case("check", runner -> fill(Check.builder(), runner).unset(Property.ofValue(List.of("a")))
                .overwrite(Property.ofValue(true)).sameLog(Property.ofValue(true)).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8,'unset':['a'],'overwrite':true,'copy':'auto',"
                    + "'same_log':true,'other_kafka':false,'at_least_once':false"),
            new Case("move", runner -> fill(Move.builder(), runner).set(Property.ofValue(Map.of("tasks.max", "2")))
                .rename(Property.ofValue(Map.of("orders", "orders-eu"))).proof(Property.ofValue(ProofKind.HARD))
                .copy(Property.ofValue(CopyWay.RAW)).otherKafka(Property.ofValue(true)).atLeastOnce(Property.ofValue(true))
                .approvedBy(Property.ofValue("Anna")).build(),
                "'origin':'global','target':'europe','connector':['orders'],'rename':{'orders':'orders-eu'},'concurrency':8,"
                    + "'set':{'tasks.max':'2'},'overwrite':false,'copy':'raw','same_log':false,'other_kafka':true,'at_least_once':true,"
                    + "'proof':'hard','allow_duplicates':false,'timeout':'PT1M','approved_by':'Anna','report':'FOLDER/certificates'"),
            new Case("rollback", runner -> fill(Rollback.builder(), runner).copy(Property.ofValue(CopyWay.REST)).sameLog(Property.ofValue(true)).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8,'proof':'auto','allow_duplicates':false,"
                    + "'timeout':'PT1M','copy':'rest','same_log':true,'report':'FOLDER/certificates'"),
            new Case("rollback", runner -> fill(Rollback.builder(), runner).into(Property.ofValue("all")).parts(Property.ofExpression("{{ {} | toJson }}"))
                .list(Property.ofValue("feeds")).field(Property.ofValue("feed")).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8,'proof':'auto','allow_duplicates':false,"
                    + "'timeout':'PT1M','copy':'auto','same_log':false,'into':'all','part':{},'list':'feeds','field':'feed'"),
            new Case("consolidate", runner -> regroup(Consolidate.builder(), runner).connectors(Property.ofValue(List.of("orders", "users")))
                .into(Property.ofValue("all")).dryRun(Property.ofValue(true)).set(Property.ofValue(Map.of("tasks.max", "2")))
                .unset(Property.ofValue(List.of("a"))).list(Property.ofValue("feeds")).field(Property.ofValue("feed")).build(),
                "'connector':['orders','users'],'into':'all','origin':'global','target':'europe','dry_run':true,'set':{'tasks.max':'2'},'unset':['a'],"
                    + "'overwrite':false,'list':'feeds','field':'feed','at_least_once':false,'proof':'auto','allow_duplicates':false,'timeout':'PT1M'"),
            new Case("split", runner -> regroup(Split.builder(), runner).connector(Property.ofValue("all"))
                .parts(Property.ofValue(Map.of("orders", "o,p"))).overwrite(Property.ofValue(true)).atLeastOnce(Property.ofValue(true))
                .list(Property.ofExpression("{{ '' }}")).build(),
                "'connector':'all','part':{'orders':'o,p'},'origin':'global','target':'europe','dry_run':false,'overwrite':true,'at_least_once':true,"
                    + "'proof':'auto','allow_duplicates':false,'timeout':'PT1M'"),
            new Case("status", runner -> fill(Status.builder(), runner).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8"),
            new Case("handover", runner -> fill(Handover.builder(), runner).format(Property.ofValue(List.of(HandoverFormat.STRIMZI, HandoverFormat.JSON)))
                .connectCluster(Property.ofValue("connect-eu")).namespace(Property.ofValue("kafka")).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8,'format':['strimzi','json'],"
                    + "'connect_cluster':'connect-eu','namespace':'kafka','out':'FOLDER/handover'"),
            new Case("accept", runner -> fill(Accept.builder(), runner).sameLog(Property.ofValue(true)).acceptedBy(Property.ofValue("Bert"))
                .of(Property.ofExpression("{{ '' }}")).build(),
                "'origin':'global','target':'europe','connector':['orders'],'concurrency':8,'copy':'auto','same_log':true,"
                    + "'accepted_by':'Bert','certificate':'FOLDER/accepted','report':'FOLDER/certificates'"),
            new Case("watch", runner -> watch(runner).connectors(Property.ofValue(List.of("orders"))).policy(Property.ofValue(WatchPolicy.STOP))
                .certificate(Property.ofValue("accepted")).rename(Property.ofValue(Map.of("orders", "orders-eu"))).build(),
                "'origin':'global','target':'europe','connector':['orders'],'rename':{'orders':'orders-eu'},'concurrency':8,"
                    + "'policy':'stop','certificate':'accepted'"),
            new Case("plan", runner -> plan(runner).target(Property.ofValue("europe")).connectors(Property.ofValue(List.of("orders")))
                .rename(Property.ofValue(Map.of("orders", "orders-eu"))).set(Property.ofValue(Map.of("tasks.max", "2")))
                .proof(Property.ofValue(ProofKind.TIMED)).atLeastOnce(Property.ofValue(true)).build(),
                "'origin':'global','target':'europe','connector':['orders'],'rename':{'orders':'orders-eu'},'concurrency':8,'set':{'tasks.max':'2'},"
                    + "'overwrite':false,'copy':'auto','same_log':false,'other_kafka':false,'at_least_once':true,'proof':'timed',"
                    + "'allow_duplicates':false,'out':'FOLDER/plan.json','report':'FOLDER/plan.html','markdown':'FOLDER/plan.md'"),
            new Case("history", runner -> History.builder().id("t").type(History.class.getName()).taskRunner(runner)
                .clusters(Property.ofValue(CLUSTERS)).connectors(Property.ofValue(List.of("orders"))).since(Property.ofValue("24h")).build(),
                "'connector':['orders'],'since':'24h'"),
            new Case("notify", runner -> Notify.builder().id("t").type(Notify.class.getName()).taskRunner(runner)
                .clusters(Property.ofValue(CLUSTERS)).message(Property.ofValue("orders is moved")).level(Property.ofValue(NoticeLevel.WARN))
                .owner(Property.ofValue("payments")).connectors(Property.ofValue(List.of("orders"))).link(Property.ofValue("https://k/ui")).build(),
                "'message':'orders is moved','level':'warn','owner':'payments','connector':['orders'],'link':'https://k/ui'"),
            new Case("create-stopped", runner -> fill(CreateStopped.builder(), runner).from(Property.ofValue("europe")).build(),
                "'connector':'orders','cluster':'global','from':'europe','overwrite':false"),
            new Case("create-stopped", runner -> fill(CreateStopped.builder(), runner).config(Property.ofValue(Map.of("name", "x"))).build(),
                "'connector':'orders','cluster':'global','overwrite':false,'config':'FOLDER/config.json'"),
            new Case("flush-wait", runner -> fill(FlushWait.builder(), runner).allowDuplicates(Property.ofValue(true)).build(),
                "'connector':'orders','cluster':'global','proof':'auto','allow_duplicates':true,'timeout':'PT1M'"),
            new Case("connect-offsets-get", runner -> fill(ConnectOffsetsGet.builder(), runner).build(),
                "'connector':'orders','cluster':'global','copy':'auto','out':'FOLDER/offsets.json'"),
            new Case("start", runner -> fill(Start.builder(), runner).origin(Property.ofValue("europe")).build(),
                "'connector':'orders','cluster':'global','origin':'europe'"));
    }

    record Case(String command, Function<FakeRunner, AbstractFerryTask> build, String request) {
        @Override
        public String toString() {
            return command;
        }
    }

    @ParameterizedTest
    @MethodSource("tasks")
    void asksTheRunner(Case asked) throws Exception {
        var runner = FakeRunner.done();
        var task = asked.build().apply(runner);
        var runContext = context(task);
        var output = task.run(runContext);

        assertEquals(List.of("/ferry", asked.command(), "--request"), runner.arguments.subList(0, 3));
        var folder = runner.arguments.getLast().replace("/request.json", "");
        var request = runner.request.toString();
        var usesEurope = asked.request().contains("'europe'");
        assertEquals(usesEurope, request.contains(SECRET.replace("${", "$${")),
            "the secret, escaped, reaches a run that works on its cluster, and no other: " + request);
        assertEquals("{'output':'kestra','result':'FOLDER/result.json'," + asked.request() + ",CLUSTERS}",
            request.replaceFirst("\"clusters\":\\{.*}}}$", "CLUSTERS}").replace('"', '\'').replace(folder, "FOLDER"));

        assertEquals(0, output.getExitCode());
        var connector = output.getConnectors().getFirst();
        assertEquals("moved", connector.getOutcome());
        assertEquals(212L, connector.getDowntimeMs());
        assertEquals("hard", connector.getProof());
        assertEquals(List.of("a", "b"), connector.getParts());
        assertNotNull(output.getResultUri());
        assertEquals(asked.command().equals("connect-offsets-get"), output.getOffsetsUri() != null);
        assertEquals(asked.command().equals("plan"), output.getUri() != null && output.getReport() != null && output.getMarkdown() != null);
        var writesFolder = Set.of("handover", "accept").contains(asked.command());
        assertEquals(writesFolder ? Set.of("orders/README.md") : null, output.getFiles() == null ? null : output.getFiles().keySet());
        assertFalse(Files.exists(runContext.workingDir().path().resolve(folder)), "the folder with the request is left");
    }

    /** Each connector's certificate is an output beside it; one that does not come back fails the task. */
    @Test
    void storesCertificates() throws Exception {
        var runner = new FakeRunner(0, true) {
            @Override
            List<String> lines() {
                var folder = request.get("report").asText();
                return List.of("::{\"outputs\":{\"exit_code\":0,\"outcome\":\"done\",\"message\":\"1 moved, 1 unchanged\",\"connectors\":["
                    + "{\"connector\":\"orders\",\"outcome\":\"moved\",\"certificate\":{\"html\":\"" + folder + "/a.html\",\"json\":\"" + folder + "/a.json\"}},"
                    + "{\"connector\":\"payments\",\"outcome\":\"not_begun\"}]}}::");
            }
        };
        runner.certificates.addAll(List.of("a.html", "a.json"));
        var task = fill(Move.builder(), runner).build();
        var connectors = task.run(context(task)).getConnectors();
        assertTrue(connectors.getFirst().getCertificate().toString().endsWith("a.html"), connectors.getFirst().getCertificate()::toString);
        assertTrue(connectors.getFirst().getCertificateJson().toString().endsWith("a.json"), connectors.getFirst().getCertificateJson()::toString);
        assertNull(connectors.getLast().getCertificate());

        runner.certificates.remove("a.json");
        var failure = assertThrows(RunnableTaskException.class, () -> task.run(context(task)));
        assertTrue(failure.getMessage().endsWith("its files did not come back from the task runner"), failure::getMessage);
        assertNotNull(((RunnerOutput) failure.getOutput()).getConnectors().getFirst().getCertificate());
    }

    /** What a watch finds warns and does not fail, however bad it is. A look that failed fails, and says what it found elsewhere. */
    @Test
    void warnsOfFindings() throws Exception {
        var finding = "{'code':'origin_resumed','connector':'orders','origin':'global','target':'europe','since':'2026-11-28T05:00:00Z',"
            + "'unfinished':'move','means':'it runs twice','do':'stop it'}";
        var connector = "{'connector':'orders','outcome':'running_twice','message':'it runs twice','findings':[" + finding + "]}";
        for (int exitCode : List.of(0, 15, 16)) {
            var task = watch(new FakeRunner(exitCode, true, watched(exitCode, connector))).build();
            var output = task.run(context(task));
            assertEquals(exitCode, output.getExitCode());
            assertEquals(Optional.of(State.Type.WARNING), output.finalState());
            assertEquals(finding, JacksonMapper.ofJson().writeValueAsString(output.toMap().get("findings")).replace('"', '\'').replaceAll("^\\[|]$", ""));
        }
        var quiet = watch(new FakeRunner(0, true, watched(0, ""))).build();
        var nothing = quiet.run(context(quiet));
        assertEquals(List.of(), nothing.getFindings());
        assertEquals(Optional.empty(), nothing.finalState());

        var unseen = watch(new FakeRunner(1, true, watched(1, connector + ",{'connector':'users','outcome':'failed','message':'not read'}"))).build();
        var failure = assertThrows(RunnableTaskException.class, () -> unseen.run(context(unseen)));
        assertEquals(1, ((RunnerOutput) failure.getOutput()).getFindings().size());
        var moved = fill(Move.builder(), new FakeRunner(16, true, watched(16, connector))).build();
        assertThrows(RunnableTaskException.class, () -> moved.run(context(moved)));
    }

    private static String watched(int exitCode, String connectors) {
        return "::{'outputs':{'exit_code':%d,'outcome':'done','message':'looked','connectors':[%s]}}::".formatted(exitCode, connectors).replace('\'', '"');
    }

    /** The certificate of the move reaches the runner, which adds the acceptance to it. */
    @Test
    void acceptsWithTheCertificateOfTheMove() throws Exception {
        var runner = FakeRunner.done();
        var mocked = context(fill(Accept.builder(), runner).build());
        var uri = mocked.storage().putFile(new ByteArrayInputStream("{'moved'}".getBytes(StandardCharsets.UTF_8)), "orders.json");
        fill(Accept.builder(), runner).of(Property.ofValue(uri.toString())).build().run(mocked);
        assertTrue(runner.request.get("of").asText().endsWith("/moved.json"), runner.request::toString);
        assertEquals("{'moved'}", runner.files.get("moved.json"));
    }

    @Test
    void putsOffsetsFromStorage() throws Exception {
        var runner = FakeRunner.done();
        var task = fill(ConnectOffsetsPut.builder(), runner).offsets(Property.ofValue("offsets.json")).build();
        assertEquals("`offsets` is no file in internal storage, expected a URI that starts with kestra://",
            assertThrows(RunnableTaskException.class, () -> task.run(context(task))).getMessage());

        var mocked = context(task);
        URI uri = mocked.storage().putFile(new ByteArrayInputStream("{}".getBytes(StandardCharsets.UTF_8)), "offsets.json");
        fill(ConnectOffsetsPut.builder(), runner).offsets(Property.ofValue(uri.toString()))
            .copy(Property.ofValue(CopyWay.RAW)).build().run(mocked);
        assertEquals("raw", runner.request.get("copy").asText());
        assertEquals(Set.of("offsets.json", "request.json"), runner.files.keySet());
    }

    /** Rules are an object, text, or a file; whatever they are, the cluster they name gets its secret, and no other does. */
    @Test
    void plansByRules() throws Exception {
        var rule = Map.of("name", "all", "match", Map.of("regex", "^eu\\\\."), "target", "europe");
        var text = "# Everything goes.\nrules: [{name: all, match: {regex: '^eu\\.'}, target: europe}]\n";
        var mocked = context(plan(FakeRunner.done()).build());
        var stored = mocked.storage().putFile(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), "r.yaml").toString();
        mocked.storage().namespace().putFile(Path.of("/rules.yaml"), new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
        for (var given : List.of(Property.<Object>ofValue(Map.of("rules", List.of(rule))), Property.<Object>ofValue(text),
            Property.<Object>ofValue(stored), Property.<Object>ofValue("nsfile:///rules.yaml"))) {
            var runner = FakeRunner.done();
            plan(runner).rules(given).target(Property.ofExpression("{{ '' }}")).connectors(Property.ofValue(List.of())).build().run(mocked);
            var rules = JacksonMapper.ofYaml().readTree(runner.files.get("rules.yaml"));
            assertEquals("europe", rules.at("/rules/0/target").asText(), given::toString);
            assertTrue(runner.request.get("rules").asText().endsWith("/rules.yaml"), runner.request::toString);
            assertFalse(runner.request.has("target"), runner.request::toString);
            assertTrue(runner.request.at("/clusters/clusters/europe").has("password"), runner.request::toString);
        }
        var runner = FakeRunner.done();
        plan(runner).rules(Property.ofValue("rules: [{name: europe-2, match: {}, target: not_europe}]")).build().run(mocked);
        assertFalse(runner.request.at("/clusters/clusters/europe").has("password"), runner.request::toString);
        var missing = plan(runner).rules(Property.ofValue("nsfile:///nowhere.yaml")).build();
        assertEquals("`rules` is nsfile:///nowhere.yaml, and there is no such file",
            assertThrows(RunnableTaskException.class, () -> missing.run(mocked)).getMessage());
    }

    /** The report of a plan with refused moves is an output of the failed task. */
    @Test
    void keepsARefusedPlan() throws Exception {
        var task = plan(new FakeRunner(10, true,
            "::{\"logs\":[{\"level\":\"ERROR\",\"message\":\"orders: europe lacks the plugin\"}]}::",
            "::{\"outputs\":{\"exit_code\":10,\"outcome\":\"refused\",\"message\":\"2 connectors to move\",\"connectors\":[],"
                + "\"plan\":{\"hash\":\"abc\",\"file\":\"plan.json\",\"moves\":2,\"refused\":1,\"stay\":3,"
                + "\"waves\":[{\"wave\":1,\"canary\":true,\"connectors\":2,\"tasks\":4}]}}}::")).build();
        var failure = assertThrows(RunnableTaskException.class, () -> task.run(context(task)));
        assertEquals("orders: europe lacks the plugin", failure.getMessage());
        var output = (RunnerOutput) failure.getOutput();
        assertTrue(output.getUri().toString().endsWith("plan.json"), output.getUri()::toString);
        assertTrue(output.getReport().toString().endsWith("plan.html"), output.getReport()::toString);
        assertTrue(output.getMarkdown().toString().endsWith("plan.md"), output.getMarkdown()::toString);
        assertEquals(List.of("abc", 2, 1, 3), List.of(output.getHash(), output.getMoves(), output.getRefused(), output.getStay()));
        assertEquals(List.of(new RunnerOutput.Wave(1, true, 2, 4)), output.getWaves());
    }

    @Test
    void appliesAPlan() throws Exception {
        var runner = FakeRunner.done();
        var mocked = context(apply(runner, "").build());
        var document = "{\"origin\":{\"name\":\"global\",\"version\":\"4.1.1\"},\"targets\":[{\"name\":\"europe\"}],\"moves\":[]}";
        var stored = mocked.storage().putFile(new ByteArrayInputStream(document.getBytes(StandardCharsets.UTF_8)), "plan.json").toString();
        apply(runner, stored).wave(Property.ofValue(2)).only(Property.ofValue(List.of("orders"))).until(Property.ofValue(Stage.PREPARED))
            .maxFailures(Property.ofValue(3)).build().run(mocked);
        assertEquals(document, runner.files.get("plan.json"));
        assertEquals("{'wave':2,'only':['orders'],'rehearse':false,'until':'prepared','max_failures':3,'concurrency':8,'timeout':'PT1M','report':",
            runner.request.toString().replace('"', '\'').replaceFirst(".*/plan.json',", "{").replaceFirst("'[^']*/certificates','clusters':.*", ""));
        assertTrue(runner.request.at("/clusters/clusters/europe").has("password"), runner.request::toString);

        var elsewhere = mocked.storage().putFile(new ByteArrayInputStream("no plan".getBytes(StandardCharsets.UTF_8)), "plan.json").toString();
        apply(runner, elsewhere).build().run(mocked);
        assertFalse(runner.request.at("/clusters/clusters/europe").has("password"), runner.request::toString);
        assertEquals("`plan` is no file in internal storage, expected a URI that starts with kestra://",
            assertThrows(RunnableTaskException.class, () -> apply(runner, "plan.json").build().run(mocked)).getMessage());
    }

    /** A report needs the plan alone: no cluster and no secret reaches the runner. */
    @Test
    void showsAPlan() throws Exception {
        var runner = FakeRunner.done();
        var task = Report.builder().id("t").type(Report.class.getName()).taskRunner(runner)
            .clusters(Property.ofValue(CLUSTERS)).plan(Property.ofValue(""));
        var mocked = context(task.build());
        var stored = mocked.storage().putFile(new ByteArrayInputStream("{}".getBytes(StandardCharsets.UTF_8)), "plan.json").toString();
        var output = task.plan(Property.ofValue(stored)).build().run(mocked);
        assertEquals(List.of("report", "plan.html", "plan.md"), List.of(runner.arguments.get(1),
            Path.of(runner.request.get("report").asText()).getFileName().toString(), Path.of(runner.request.get("markdown").asText()).getFileName().toString()));
        assertFalse(runner.request.has("clusters"), runner.request::toString);
        assertTrue(output.getReport() != null && output.getMarkdown() != null && output.getUri() == null);
    }

    /** The folder of the request has a name that is nobody's concern, and is gone when somebody looks. */
    @Test
    void namesFilesWithoutTheirFolder() throws Exception {
        var task = plan(new FakeRunner(2, false) {
            @Override
            List<String> lines() {
                var said = arguments.getLast().replace("request.json", "rules.yaml") + ":2:1: unknown key";
                return List.of("::{\"outputs\":{\"exit_code\":2,\"outcome\":\"invalid\",\"message\":\"" + said + "\",\"connectors\":[]}}::");
            }
        }).rules(Property.ofValue("rules: []")).build();
        var failure = assertThrows(RunnableTaskException.class, () -> task.run(context(task)));
        assertEquals("rules.yaml:2:1: unknown key", failure.getMessage());
    }

    /** Without names it compares all connectors, and what differs is told by name only. */
    @Test
    void comparesClusters() throws Exception {
        var runner = new FakeRunner(0, true,
            "::{\"outputs\":{\"exit_code\":0,\"outcome\":\"done\",\"message\":\"0 only on global, 0 only on europe, 1 on both\",\"connectors\":"
                + "[{\"connector\":\"orders\",\"outcome\":\"observed\",\"state\":\"moved\",\"changed\":false,\"message\":\"moved\",\"entries\":0,"
                + "\"origin_state\":\"STOPPED\",\"target_state\":\"RUNNING\",\"differs\":[\"batch.size\"],\"offsets\":\"ahead\"}]}}::");
        var task = Diff.builder().id("t").type(Diff.class.getName()).taskRunner(runner).clusters(Property.ofValue(CLUSTERS))
            .origin(Property.ofValue("global")).target(Property.ofValue("europe")).build();
        var output = task.run(context(task));
        assertEquals("diff", runner.arguments.get(1));
        assertFalse(runner.request.has("connector"), runner.request::toString);
        assertTrue(runner.request.at("/clusters/clusters/europe").has("password"), runner.request::toString);
        assertEquals(List.of("batch.size"), output.getConnectors().getFirst().getDiffers());
        assertEquals("STOPPED", output.getConnectors().getFirst().getOriginState());
        assertEquals("ahead", output.getConnectors().getFirst().getOffsets());
    }

    private static Plan.PlanBuilder<?, ?> plan(FakeRunner runner) {
        return Plan.builder().id("t").type(Plan.class.getName()).taskRunner(runner).clusters(Property.ofValue(CLUSTERS)).origin(Property.ofValue("global"));
    }

    private static Apply.ApplyBuilder<?, ?> apply(FakeRunner runner, String plan) {
        return Apply.builder().id("t").type(Apply.class.getName()).taskRunner(runner).clusters(Property.ofValue(CLUSTERS)).plan(Property.ofValue(plan));
    }

    @Test
    void takesAClusterByItsUrl() throws Exception {
        var runner = FakeRunner.done();
        var task = Start.builder().id("t").type(Start.class.getName()).taskRunner(runner).connector(Property.ofValue("orders"))
            .connectUrl(Property.ofValue("http://x")).username(Property.ofValue("ferry"))
            .password(Property.ofExpression("{{ secret('CONNECT_PASSWORD') }}")).headers(Property.ofValue(Map.of("X-Team", "a"))).build();
        task.run(context(task));
        assertEquals("{'connect_url':'http://x','username':'ferry','password':'s3cr3t-$${of}-the-test','headers':{'X-Team':'a'}}",
            runner.request.at("/clusters/clusters/connect").toString().replace('"', '\''));
        assertEquals("connect", runner.request.get("cluster").asText());
        assertFalse(task.toString().contains("s3cr3t"), "toString shows the password: " + task);
    }

    @Test
    void failsWithTheRunnersErrorAndItsOutputs() throws Exception {
        var failure = failure(new FakeRunner(10, true,
            "::{\"logs\":[{\"level\":\"INFO\",\"message\":\"orders: check\"}]}::",
            "::{\"logs\":[{\"level\":\"ERROR\",\"message\":\"orders: europe lacks the plugin\"}]}::",
            "::{\"outputs\":{\"exit_code\":10,\"outcome\":\"refused\",\"message\":\"1 refused\",\"connectors\":"
                + "[{\"connector\":\"orders\",\"outcome\":\"refused\",\"changed\":false,\"message\":\"europe lacks the plugin\",\"entries\":0}]}}::"));
        assertEquals("orders: europe lacks the plugin", failure.getMessage());
        var output = (RunnerOutput) failure.getOutput();
        assertEquals(10, output.getExitCode());
        assertEquals("refused", output.getConnectors().getFirst().getOutcome());
        assertNull(output.getConnectors().getFirst().getDowntimeMs());
        assertNotNull(output.getResultUri());
    }

    /** A file that was just written is busy while another task forks: nothing was run, so it is tried again. */
    @Test
    void triesAgainWhileTheRunnerIsBusy() throws Exception {
        var runner = FakeRunner.done().refusing("error=26, Text file busy", "Exec failed, error: 26 (Text file busy) ");
        var task = fill(Check.builder(), runner).build();
        assertEquals("done", task.run(context(task)).getOutcome());
        assertTrue(runner.refusals.isEmpty());
    }

    @Test
    void saysThatTheRunnerMayNotRun() throws Exception {
        for (var answer : List.of("error=13, Permission denied", "Exec failed, error: 13 (Permission denied) ")) {
            var task = fill(Check.builder(), FakeRunner.done().refusing(answer, "error=26, never reached")).build();
            var failure = assertThrows(java.io.IOException.class, () -> task.run(context(task)));
            assertTrue(failure.getMessage().contains("without noexec"), failure.getMessage());
        }
    }

    @Test
    void isNeverGreenWithoutAResult() throws Exception {
        var silent = failure(new FakeRunner(0, true)).getMessage();
        assertTrue(silent.startsWith("runner ended with exit code 0 without saying what it did"), silent);
        for (var line : List.of("::{\"outputs\":{\"exit_code\":}::", "::{\"outputs\":{\"exit_co")) {
            var cut = failure(new FakeRunner(0, true, FakeRunner.DONE, line)).getMessage();
            assertTrue(cut.startsWith("runner ended with exit code 0 with a line that cannot be read"), cut);
        }
        var other = failure(new FakeRunner(137, true, FakeRunner.DONE)).getMessage();
        assertTrue(other.startsWith("runner ended with exit code 137 but said 0"), other);
        var lost = failure(new FakeRunner(0, false, FakeRunner.DONE)).getMessage();
        assertEquals("runner did what it was asked (1 moved) but its files did not come back from the task runner", lost);
    }

    /** The URLs of webhooks are secrets, and a move needs none of them. */
    @Test
    void onlyNotifyHasTheChannels() throws Exception {
        var document = new HashMap<>(CLUSTERS);
        document.put("notify", List.of(Map.of("name", "team", "url", "${secret:CONNECT_PASSWORD}", "owners", List.of("payments"))));
        var runner = FakeRunner.done();
        var status = Status.builder().id("t").type(Status.class.getName()).taskRunner(runner).clusters(Property.ofValue(document))
            .origin(Property.ofValue("global")).target(Property.ofValue("global")).connectors(Property.ofValue(List.of("c"))).build();
        status.run(context(status));
        assertTrue(runner.request.at("/clusters/clusters").has("global"), runner.request::toString);
        assertFalse(runner.request.get("clusters").has("notify"), runner.request::toString);

        var notify = Notify.builder().id("t").type(Notify.class.getName()).taskRunner(runner).clusters(Property.ofValue(document))
            .message(Property.ofValue("m")).build();
        notify.run(context(notify));
        var channel = runner.request.at("/clusters/notify/0");
        assertEquals(SECRET.replace("${", "$${"), channel.path("url").asText());
        assertEquals("payments", channel.at("/owners/0").asText());
    }

    @Test
    void saysWhatIsWrongWithTheClusters() throws Exception {
        assertEquals("KV entry connect_clusters does not exist in this namespace, set it to the clusters document (JSON, with the key clusters)",
            failureOf(null));
        assertEquals("secret NOT_THERE, named in `clusters`, cannot be read, set it in Kestra's secrets",
            failureOf(Map.of("clusters", Map.of("a", Map.of("password", "${secret:NOT_THERE}")))));
        assertEquals("`clusters` holds ${secret:a'b}, which is not the name of a secret",
            failureOf(Map.of("clusters", Map.of("a", Map.of("password", "${secret:a'b}")))));
    }

    /** Jackson would quote the value. */
    @Test
    void saysWhatIsWrongWithTheSettingsButNotTheirValues() throws Exception {
        for (var wrong : List.of("{{ '\"s3cr3t\"' }}", "{{ 's3cr3t' }}", "{{ ['s3cr3t'] | toJson }}", "{\"login\": {\"password\": \"s3cr3t\"}}")) {
            refuses("set", wrong, fill(Move.builder(), FakeRunner.done()).set(Property.ofExpression(wrong)).build());
            refuses("config", wrong, fill(CreateStopped.builder(), FakeRunner.done()).config(Property.ofExpression(wrong)).build());
        }
    }

    private void refuses(String property, String wrong, AbstractFerryTask task) throws Exception {
        var failure = assertThrows(RunnableTaskException.class, () -> task.run(context(task)), wrong);
        assertEquals("`" + property + "` is not an object of texts, expected names and values such as {\"tasks.max\": \"2\"}", failure.getMessage());
    }

    private String failureOf(Map<String, Object> clusters) {
        var task = Status.builder().id("t").type(Status.class.getName()).taskRunner(FakeRunner.done())
            .clusters(clusters == null ? null : Property.ofValue(clusters))
            .origin(Property.ofValue("a")).target(Property.ofValue("b")).connectors(Property.ofValue(List.of("c"))).build();
        var failure = assertThrows(RunnableTaskException.class, () -> task.run(context(task)));
        assertEquals(failure.getMessage(), ((RunnerOutput) failure.getOutput()).getMessage());
        return failure.getMessage();
    }

    private RunnableTaskException failure(FakeRunner runner) {
        var task = fill(Move.builder(), runner).build();
        return assertThrows(RunnableTaskException.class, () -> task.run(context(task)));
    }

    private RunContext context(AbstractFerryTask task) {
        return TestsUtils.mockRunContext(runContextFactory, task, Map.of());
    }

    private static Watch.WatchBuilder<?, ?> watch(FakeRunner runner) {
        return Watch.builder().id("t").type("t").taskRunner(runner).clusters(Property.ofValue(CLUSTERS))
            .origin(Property.ofValue("global")).target(Property.ofValue("europe"));
    }

    @SuppressWarnings("unchecked")
    private static <B extends AbstractMoveTask.AbstractMoveTaskBuilder<?, ?>> B fill(B builder, FakeRunner runner) {
        return (B) builder.id("t").type("t").taskRunner(runner).clusters(Property.ofValue(CLUSTERS))
            .origin(Property.ofValue("global")).target(Property.ofValue("europe")).connectors(Property.ofValue(List.of("orders")));
    }

    @SuppressWarnings("unchecked")
    private static <B extends AbstractRegroupTask.AbstractRegroupTaskBuilder<?, ?>> B regroup(B builder, FakeRunner runner) {
        return (B) builder.id("t").type("t").taskRunner(runner).clusters(Property.ofValue(CLUSTERS))
            .origin(Property.ofValue("global")).target(Property.ofValue("europe"));
    }

    @SuppressWarnings("unchecked")
    private static <B extends AbstractStepTask.AbstractStepTaskBuilder<?, ?>> B fill(B builder, FakeRunner runner) {
        return (B) builder.id("t").type("t").taskRunner(runner).clusters(Property.ofValue(CLUSTERS))
            .cluster(Property.ofValue("global")).connector(Property.ofValue("orders"));
    }
}
