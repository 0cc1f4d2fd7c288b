package kestratest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// outside is what a connector or a person may say: expressions of Kestra, and what ends a text elsewhere.
const outside = "{{ 1 + 1 }}{{ secret('CONNECT_PASSWORD') }} {% if %} {# \"quoted\" \\back | pipe, ünïcode"

// textsFromOutside has a connector whose failure is a long trace of expressions, and an owner who answers in them. Each
// arrives as it was said; that no secret is rendered is looked at after all tests.
func textsFromOutside(s *stage, t *testing.T) {
	trace := "java.lang.IllegalStateException: " + outside + "\n" + strings.Repeat("\tat "+outside+"\n", 400)
	s.source(t, "looms", nil)
	s.europe.FailStarts("looms", trace)
	x := s.run(t, "migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"looms"}})
	wantState(t, x, "FAILED")
	wantText(t, "summary", outputsOf[struct{ Summary string }](t, x).Summary, "0 of 1 moved", outside)
	s.europe.FailStarts("looms", "")
	runsAgain(t, s.global, "looms")

	q := s.moveAndAsk(t, "shuttles", map[string]any{"message": outside, "owner": outside})
	s.global.FailStarts("shuttles", trace)
	must(t, s.Resume(t.Context(), q.execution, map[string]any{"decision": "ROLL_BACK", "who": outside, "why": outside}))
	s.asked(t, q, 2)
	s.global.FailStarts("shuttles", "")
	must(t, s.Resume(t.Context(), q.execution, map[string]any{"decision": "ROLL_BACK", "who": outside, "why": outside}))
	x = s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	wantText(t, "log", x.Text(), "ROLL_BACK by "+outside+" could not be done: ", "IllegalStateException: "+outside)
	if got := outputsOf[validated](t, x); got.Outcome != "rolled_back" || got.Who != outside || got.Why != outside || x.Labels["owner"] != outside {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
}

// acceptedTooLate: the connector was taken back by hand while its owner was asked. Then there is nothing to accept, and
// the question stays open until it is answered by what has happened.
func acceptedTooLate(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "letters", nil)
	wantState(t, s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "letters"}), "SUCCESS")
	s.answer(t, q, map[string]any{"decision": "ACCEPT"})
	s.awaitPosted(t, "ACCEPT by Olga could not be done: there is no finished move to accept: ")
	s.asked(t, q, 2)
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	x := s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[validated](t, x); got.Outcome != "rolled_back" || len(x.States["accept-connector"]) != 0 {
		t.Errorf("outputs %s, sub-executions %v", x.Outputs, x.States)
	}
	runsAgain(t, s.global, "letters")
	s.exactlyOnce(t, "letters")
}

// movedOn: the connector was moved on to a third cluster while its owner was asked. It is not started where it came from
// beside the copy that runs there; taken back step by step it is.
func movedOn(s *stage, t *testing.T) {
	asia := s.cluster(t, "asia")
	s.addClusters(t, map[string]any{"asia": map[string]any{"connect_url": serve(t, asia)}})
	q := s.moveAndAsk(t, "caravans", nil)
	onward := map[string]any{"origin": "europe", "target": "asia", "connector": "caravans"}
	wantState(t, s.run(t, "move-connector", map[string]any{"origin": "europe", "target": "asia", "connector": "caravans", "validate": false}), "SUCCESS")
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	s.awaitPosted(t, "ROLL_BACK by Olga could not be done: it stands still on global and on europe, and runs on asia, to which it was moved on; ")
	s.asked(t, q, 2)
	if state := on(t, s.global, "caravans"); state != connect.Stopped {
		t.Errorf("caravans is %q on global, expected STOPPED", state)
	}
	wantState(t, s.run(t, "rollback-connector", onward), "SUCCESS")
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	wantState(t, s.wait(t, q.Run), "SUCCESS")
	runsAgain(t, s.global, "caravans")
	s.exactlyOnce(t, "caravans")
}

// afar is a namespace that has the flows of the product, and clusters of its own.
const afar = "afar"

// flowsAfar returns the flows of some folders, in the namespace afar.
func flowsAfar(t *testing.T, folders ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, one := range folders {
		files, err := filepath.Glob(filepath.Join(one, "*.yaml"))
		must(t, err)
		for _, file := range files {
			content, err := os.ReadFile(file)
			must(t, err)
			content = bytes.ReplaceAll(content, []byte("namespace: "+Namespace+"\n"), []byte("namespace: "+afar+"\n"))
			must(t, os.WriteFile(filepath.Join(folder, filepath.Base(file)), content, 0o600))
		}
	}
	return folder
}

// fromAfar moves a connector by a call from another namespace, of which only the called one knows the clusters. When it is
// accepted, the certificate of the move is purged.
func fromAfar(s *stage, t *testing.T) {
	url := map[string]any{"west": map[string]any{"connect_url": serve(t, s.global)}, "east": map[string]any{"connect_url": serve(t, s.europe)}}
	must(t, s.SetKVIn(t.Context(), afar, "connect_clusters", map[string]any{"clusters": url}))
	s.source(t, "hermits", nil)
	run, err := s.Begin("from-afar", map[string]any{"connector": "hermits"})
	must(t, err)
	asked, err := run.Asked(t.Context(), "validate-connector", "hermits", waitTime)
	must(t, err)
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), "1 of 1 moved from west to east")
	run = s.follow(t, asked)
	must(t, s.Resume(t.Context(), asked, map[string]any{"decision": "ROLL_BACK", "who": "Olga"}))
	wantState(t, s.wait(t, run), "SUCCESS")
	runsAgain(t, s.global, "hermits")

	wantState(t, s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "hermits", "validate": false}), "SUCCESS")
	x = s.run(t, "accept-connector", map[string]any{"origin": "global", "target": "europe", "connector": "hermits", "accepted_by": "Olga", "remove": true,
		"certificate_json": "kestra:///connect/ferry/move-connector/executions/purged/tasks/move/purged/certificate.json"})
	wantState(t, x, "SUCCESS")
	if state := on(t, s.global, "hermits"); state != "" {
		t.Errorf("hermits is %q on global, expected not there", state)
	}
}
