package kestratest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const webhookKey = "p4ssw0rd-of-the-webhook"

// exampleFlows are the folders of the examples for people who write flows of their own.
func exampleFlows(t *testing.T, version string) []string {
	t.Helper()
	root, err := Root()
	must(t, err)
	major, _, _ := strings.Cut(version, ".")
	folders := []string{filepath.Join(root, "examples", "flows"), filepath.Join(root, "examples", "flows", major+".x")}
	if major == "2" {
		folders = append(folders, filepath.Join(root, "examples", "mcp"))
	}
	return folders
}

func outputOf(t *testing.T, x Execution, name string) string {
	t.Helper()
	var outputs map[string]json.RawMessage
	must(t, json.Unmarshal(x.Outputs, &outputs))
	var text string
	if json.Unmarshal(outputs[name], &text) != nil {
		return string(outputs[name])
	}
	return text
}

// backUpAndRestore takes a connector back to the offsets of a backup, once while it is there and once
// when it is gone. What it sends after is what it had sent since, again, and nothing is missing.
func backUpAndRestore(s *stage, t *testing.T) {
	s.source(t, "diary", nil)
	s.source(t, "minutes", nil)
	x := s.run(t, "backup-offsets", map[string]any{"cluster": "global", "connectors": []string{"diary", "minutes"}})
	wantState(t, x, "SUCCESS")
	kept := s.namespaceFile(t, "offsets/global/diary/")
	day := strings.TrimSuffix(filepath.Base(kept.name), ".json")
	wantText(t, "backup", kept.content, `"offsets":[`, `"sequence"`)
	if strings.Contains(string(x.Outputs), `"sequence"`) {
		t.Errorf("offsets are in the outputs: %s", x.Outputs)
	}
	s.commitsBeyond(t, s.global, "diary", kept.content)

	// One that fails does not keep the others from being backed up, and is told.
	x = s.run(t, "backup-offsets", map[string]any{"cluster": "global", "connectors": []string{"nobody", "minutes"}})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "backup-offsets/verdict not backed up: nobody (", "ERROR notify/log offsets on global were not all backed up: nobody (")
	wantText(t, "results", outputOf(t, x, "results"), `"connector":"minutes"`, "1 read", "1 refused")

	x = s.run(t, "restore-offsets", map[string]any{"cluster": "global", "connector": "diary", "backup": "1999-12-31"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "there is no file offsets/global/diary/1999-12-31.json in connect.ferry, choose a day")
	if state := on(t, s.global, "diary"); state != connect.Running {
		t.Errorf("diary is %q after a refusal, expected RUNNING", state)
	}

	config, err := s.global.Client().Config(t.Context(), "diary")
	must(t, err)
	x = s.run(t, "restore-offsets", map[string]any{"cluster": "global", "connector": "diary", "backup": day})
	wantState(t, x, "SUCCESS")
	before, err := s.ReadFile(outputOf(t, x, "before"))
	must(t, err)
	wantText(t, "offsets before", string(before), `"sequence"`)
	runsAgain(t, s.global, "diary")
	s.sentAgain(t, "diary")

	// The second backup of a day is the one that counts.
	wantState(t, s.run(t, "restore-offsets", map[string]any{"cluster": "global", "connector": "minutes", "backup": day}), "SUCCESS")

	must(t, s.global.Client().Delete(t.Context(), "diary"))
	x = s.run(t, "restore-offsets", map[string]any{"cluster": "global", "connector": "diary", "backup": day, "config": config.String()})
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.global, "diary")
}

// sentAgain checks that records of a topic were sent again, and none is missing.
func (s *stage) sentAgain(t *testing.T, topic string) {
	t.Helper()
	must(t, wait.Until(t.Context(), topic+" to send again", waitTime, func(context.Context) (bool, string, error) {
		count := s.kafka.Count(topic)
		return count.Duplicated > 0, "nothing is there twice", nil
	}))
	if count := s.kafka.Count(topic); count.Missing != 0 {
		t.Errorf("topic %s: %+v, expected none missing", topic, count)
	}
}

// commitsBeyond waits until a connector has committed other offsets than these.
func (s *stage) commitsBeyond(t *testing.T, cluster *connecttest.Cluster, connector, document string) {
	t.Helper()
	must(t, wait.Until(t.Context(), connector+" to go on", waitTime, func(ctx context.Context) (bool, string, error) {
		cluster.Commit()
		now, err := cluster.Client().Offsets(ctx, connector)
		return err == nil && string(now.Bytes()) != strings.TrimSpace(document), "same offsets", nil
	}))
}

// cloneConnector begins a clone at offsets that were kept before, while the original runs on.
func cloneConnector(s *stage, t *testing.T) {
	s.source(t, "invoices", map[string]string{"stream.prefix": "invoices"}) // by which a source finds its offsets
	wantState(t, s.run(t, "backup-offsets", map[string]any{"cluster": "global", "connectors": []string{"invoices"}}), "SUCCESS")
	kept := s.namespaceFile(t, "offsets/global/invoices/")
	s.commitsBeyond(t, s.global, "invoices", kept.content)
	inputs := map[string]any{
		"origin": "global", "target": "europe", "connector": "invoices", "clone": "invoices-test", "set": `{"topic": "invoices-test"}`,
		"offsets": "kestra:///connect/ferry/_files/" + kept.name,
	}
	x := s.run(t, "clone-connector", inputs)
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.europe, "invoices-test")
	if state := on(t, s.global, "invoices"); state != connect.Running {
		t.Errorf("invoices is %q on global, expected RUNNING", state)
	}
	s.exactlyOnce(t, "invoices")
	config, err := s.europe.Client().Config(t.Context(), "invoices-test")
	must(t, err)
	if config.Text("topic") != "invoices-test" {
		t.Errorf("config of the clone: %s", config)
	}
	// It began where the backup was, so its first record is not the original's first.
	must(t, wait.Until(t.Context(), "the clone to send", waitTime, func(context.Context) (bool, string, error) {
		streams := map[string]bool{}
		for _, record := range s.kafka.Records("invoices-test") {
			streams[record.Stream] = true
		}
		return len(streams) == 2, "not by both tasks", nil
	}))
	var before int64
	for _, match := range sequence.FindAllStringSubmatch(kept.content, -1) {
		last, err := strconv.ParseInt(match[1], 10, 64)
		must(t, err)
		before += last + 1
	}
	if count := s.kafka.Count("invoices-test"); before == 0 || count.Missing != before || count.Duplicated != 0 {
		t.Errorf("the clone's topic: %+v, expected that it lacks the %d records before the backup and no other", count, before)
	}

	inputs["clone"], inputs["offsets"] = "invoices-now", nil
	delete(inputs, "offsets")
	inputs["set"] = `{"topic": "invoices-now"}`
	wantState(t, s.run(t, "clone-connector", inputs), "SUCCESS")
	runsAgain(t, s.europe, "invoices-now")

	inputs["set"], inputs["clone"] = `{}`, "invoices-same"
	x = s.run(t, "clone-connector", inputs)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "give the clone another name than invoices, and in `set` where it writes")
	if state := on(t, s.europe, "invoices-same"); state != "" {
		t.Errorf("invoices-same is %q on europe, expected not there", state)
	}
}

func upgradeDatabase(s *stage, t *testing.T) {
	s.source(t, "till", nil)
	s.source(t, "shelf", nil)
	run, err := s.Begin("upgrade-database", map[string]any{"cluster": "global", "connectors": []string{"till", "shelf"}})
	must(t, err)
	paused, err := run.Paused(t.Context(), "upgrade-database", waitTime)
	must(t, err)
	for _, connector := range []string{"till", "shelf"} {
		if state := on(t, s.global, connector); state != connect.Stopped {
			t.Errorf("%s is %q during the upgrade, expected STOPPED", connector, state)
		}
	}
	must(t, s.Resume(t.Context(), paused, map[string]any{"decision": "START", "who": "Ann"}))
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	if t.Failed() || strings.Contains(x.Text(), "/put_back ") {
		t.Errorf("somebody started what was stopped:\n%s", x.Text())
	}
	wantText(t, "log", x.Text(), "INFO  notify/log the upgrade may begin, resume execution "+x.ID+" after it: shelf: ", "; till: ",
		"till, shelf on global: running again, as Ann answered")
	wantText(t, "proofs", outputOf(t, x, "stopped"), `"exit_code":0`, "timed")
	for _, connector := range []string{"till", "shelf"} {
		runsAgain(t, s.global, connector)
		s.exactlyOnce(t, connector)
	}

	// The one that cannot start is told, and the other runs.
	run, err = s.Begin("upgrade-database", map[string]any{"cluster": "global", "connectors": []string{"till", "shelf"}})
	must(t, err)
	paused, err = run.Paused(t.Context(), "upgrade-database", waitTime)
	must(t, err)
	s.global.FailStarts("till", "java.sql.SQLException: wrong version")
	must(t, s.Resume(t.Context(), paused, map[string]any{"decision": "START", "who": "Ann"}))
	x = s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "upgrade-database/verdict not running: till (", "wrong version", "ERROR notify/log not running: till (")
	runsAgain(t, s.global, "shelf")
	s.global.FailStarts("till", "")
}

// refusedUpgrade names a connector that is not there: the other one starts again, and nobody is to upgrade.
func refusedUpgrade(s *stage, t *testing.T) {
	s.source(t, "counter", nil)
	x := s.run(t, "upgrade-database", map[string]any{"cluster": "global", "connectors": []string{"counter", "nobody"}})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR notify/log DO NOT UPGRADE, all start again, since not all could be stopped: nobody (")
	runsAgain(t, s.global, "counter")
	s.exactlyOnce(t, "counter")
}

func reportDrift(s *stage, t *testing.T) {
	s.source(t, "twin", nil)
	s.source(t, "only-here", nil)
	wantState(t, s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "twin"}), "SUCCESS")
	inputs := map[string]any{"origin": "global", "target": "europe", "connectors": []string{"twin"}}
	x := s.run(t, "report-drift", inputs)
	wantState(t, x, "SUCCESS")
	if drift := outputOf(t, x, "drift"); drift != "" {
		t.Errorf("drift %q, expected none", drift)
	}

	config, err := s.europe.Client().Config(t.Context(), "twin")
	must(t, err)
	must(t, s.europe.Client().PutConfig(t.Context(), "twin", config.With("password", rawjson.String("p4ssw0rd-that-drifts")).With("batch.size", rawjson.String("21"))))
	inputs["connectors"] = []string{"twin", "only-here"}
	x = s.run(t, "report-drift", inputs)
	wantState(t, x, "SUCCESS")
	wantText(t, "drift", outputOf(t, x, "drift"), "only-here: only on global", "twin: moved", "its configs differ in batch.size, password")
	wantText(t, "message", outputOf(t, x, "message"), "1 only on global, 0 only on europe, 1 on both")
	wantText(t, "log", x.Text(), "WARN  notify/log drift between global and europe: 1 only on global")

	must(t, s.global.Client().Resume(t.Context(), "twin"))
	runsAgain(t, s.global, "twin")
	x = s.run(t, "report-drift", inputs)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR notify/log global and europe: ", "1 running twice; twin: running_twice")
	must(t, s.global.Client().Stop(t.Context(), "twin"))
}

func moveOnWebhook(s *stage, t *testing.T) {
	s.source(t, "parcels", nil)
	for _, body := range []any{
		"no JSON", []string{"parcels"}, map[string]any{"connector": "parcels", "origin": "global"},
		map[string]any{"connector": []string{"parcels"}, "origin": "global", "target": "europe"},
		map[string]any{"connector": " ", "origin": "global", "target": "europe"},
		map[string]any{"connector": "parcels", "origin": "global", "target": "europe", "accept": "SAME_LOG"},
	} {
		run, err := s.Webhook("move-on-webhook", webhookKey, body)
		must(t, err)
		x := s.wait(t, run)
		wantState(t, x, "FAILED")
		wantText(t, "log", x.Text(), "move-on-webhook/need_body the body is not what this takes")
	}
	body := map[string]any{"connector": "parcels", "origin": "global", "target": "europe"}
	run, err := s.Webhook("move-on-webhook", "another key", body)
	must(t, err)
	if _, err := run.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "no webhook with this key") {
		t.Errorf("with another key: %v, expected a refusal", err)
	}
	if state := on(t, s.global, "parcels"); state != connect.Running {
		t.Fatalf("parcels is %q on global, expected RUNNING", state)
	}
	run, err = s.Webhook("move-on-webhook", webhookKey, body)
	must(t, err)
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	if outcome := outputOf(t, x, "outcome"); outcome != "moved" {
		t.Errorf("outcome %q, expected moved", outcome)
	}
	if state := on(t, s.global, "parcels"); state != connect.Stopped {
		t.Errorf("parcels is %q on global, expected STOPPED", state)
	}
	runsAgain(t, s.europe, "parcels")
	s.exactlyOnce(t, "parcels")
}

func articleByFerry(s *stage, t *testing.T) {
	s.source(t, "essay", nil)
	x := s.run(t, "the-article-by-ferry", map[string]any{"origin": "global", "target": "europe", "connector": "essay"})
	wantState(t, x, "SUCCESS")
	if proof := outputOf(t, x, "proof"); proof != "timed" {
		t.Errorf("proof %q, expected timed", proof)
	}
	if state := on(t, s.global, "essay"); state != connect.Stopped {
		t.Errorf("essay is %q on global, expected STOPPED", state)
	}
	runsAgain(t, s.europe, "essay")
	s.exactlyOnce(t, "essay")

	s.source(t, "draft", nil)
	s.europe.FailStarts("draft", "java.lang.IllegalStateException: not here")
	x = s.run(t, "the-article-by-ferry", map[string]any{"origin": "global", "target": "europe", "connector": "draft"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR notify/log draft from global to europe was not moved: ", "not here")
	runsAgain(t, s.global, "draft")
	if state := on(t, s.europe, "draft"); state != "" && state != connect.Stopped {
		t.Errorf("draft is %q on europe, expected STOPPED or not there", state)
	}
	s.exactlyOnce(t, "draft")
}

// askedByAgent runs what an agent may call: it gets an answer, and nothing moves.
func askedByAgent(s *stage, t *testing.T) {
	if !strings.HasPrefix(s.options.Version, "2.") {
		t.Skip("Kestra 1.3 has no trigger for agents")
	}
	s.source(t, "riddle", nil)
	inputs := map[string]any{"origin": "global", "target": "europe", "connectors": []string{"riddle"}}
	x := s.run(t, "ask-status", inputs)
	wantState(t, x, "SUCCESS")
	wantText(t, "connectors", outputOf(t, x, "connectors"), `"connector":"riddle"`, `"state":"not_begun"`)
	x = s.run(t, "ask-plan", inputs)
	wantState(t, x, "SUCCESS")
	wantText(t, "report", outputOf(t, x, "report"), "riddle", "europe")
	if on(t, s.global, "riddle") != connect.Running || on(t, s.europe, "riddle") != "" {
		t.Error("asking has changed riddle")
	}
	inputs["connectors"] = []string{"nobody"}
	x = s.run(t, "ask-plan", inputs)
	wantState(t, x, "SUCCESS")
	wantText(t, "message", outputOf(t, x, "message"), "nobody")
}

var sequence = regexp.MustCompile(`"sequence":([0-9]+)`)

type storedFile struct{ name, content string }

// namespaceFile returns the one file of the namespace under a path.
func (s *stage) namespaceFile(t *testing.T, under string) storedFile {
	t.Helper()
	root := filepath.Join(s.folder, "storage", "main", "connect", "ferry", "_files")
	found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(under), "*"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%v under %s, expected one file", found, under)
	}
	content, err := os.ReadFile(found[0])
	must(t, err)
	name, err := filepath.Rel(root, found[0])
	must(t, err)
	return storedFile{name: name, content: string(content)}
}
