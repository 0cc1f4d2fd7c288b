package kestratest

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// renamed moves a connector to another name. Its owner accepts it with words that mean something elsewhere, and so many that a
// channel may not take them.
func renamed(s *stage, t *testing.T) {
	const planted = "p4ssw0rd-of-crates"
	s.source(t, "crates", map[string]string{"login": planted})
	run, err := s.Begin("move-connector", map[string]any{
		"origin": "global", "target": "europe", "connector": "crates", "target_connector": "crates-eu", "owner": "Team crates",
		"approved_by": "Ann", "notify_url": s.webhook.url + "/hook",
	})
	must(t, err)
	asked, err := run.Asked(t.Context(), "validate-connector", "crates", waitTime)
	must(t, err)
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	s.awaitPosted(t, "crates from global to europe as crates-eu: moved to europe")
	s.awaitPosted(t, "crates from global to europe as crates-eu waits for its owner. Resume execution "+asked)
	s.awaitPosted(t, "moved by execution "+x.ID+" of move-connector, approved by Ann")
	wantRenamed := func(labels map[string]string) {
		if labels["connector"] != "crates" || labels["target_connector"] != "crates-eu" {
			t.Errorf("labels %v", labels)
		}
	}
	wantRenamed(x.Labels)

	who, why := `Olga "O'Neill" 🚢 `+outside, strings.Repeat("{{ secret('CONNECT_PASSWORD') }} 🚢 \"\n", 100)
	run = s.follow(t, asked)
	must(t, s.Resume(t.Context(), asked, map[string]any{"decision": "ACCEPT", "remove": true, "who": who, "why": why}))
	if err := s.Resume(t.Context(), asked, map[string]any{"decision": "ROLL_BACK", "who": "late"}); err == nil {
		t.Error("a second answer was taken while the first was acted on")
	}
	x = s.wait(t, run)
	wantState(t, x, "SUCCESS")
	got := outputsOf[validated](t, x)
	if got.Outcome != "accepted" || got.Who != who || got.Why != why {
		t.Errorf("outputs %s", x.Outputs)
	}
	wantRenamed(x.Labels)
	page := s.file(t, got.Certificate)
	wantText(t, "certificate", page, "crates-eu", "Ann", "accepted on europe by ", "🚢")
	if strings.Contains(page, planted) {
		t.Error("the certificate has a secret")
	}
	if state := on(t, s.global, "crates"); state != "" {
		t.Errorf("crates is %q on global, expected not there", state)
	}
	runsAgain(t, s.europe, "crates-eu")
	s.exactlyOnce(t, "crates")
}

// renamedAndBack takes a renamed connector back on its owner's word; the certificate says whose.
func renamedAndBack(s *stage, t *testing.T) {
	s.source(t, "couriers", nil)
	run, err := s.Begin("move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "couriers", "target_connector": "couriers-eu"})
	must(t, err)
	asked, err := run.Asked(t.Context(), "validate-connector", "couriers", waitTime)
	must(t, err)
	wantState(t, s.wait(t, run), "SUCCESS")
	run = s.follow(t, asked)
	must(t, s.Resume(t.Context(), asked, map[string]any{"decision": "ROLL_BACK", "who": "Olga", "why": "the name is wrong"}))
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	back, _ := x.Task("roll_back")
	var sub struct{ Outputs struct{ Certificate string } }
	must(t, json.Unmarshal(back.Outputs, &sub))
	wantText(t, "certificate", s.file(t, sub.Outputs.Certificate), "couriers-eu", "Olga")
	runsAgain(t, s.global, "couriers")
	if state := on(t, s.europe, "couriers-eu"); state == connect.Running {
		t.Error("couriers-eu still runs")
	}
	s.exactlyOnce(t, "couriers")
}

// twoAnswers has two people answer at the same moment. Kestra 2.0 takes one. 1.3 may write one over the other: then the
// question fails, and neither is carried out.
func twoAnswers(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "duels", nil)
	var answering sync.WaitGroup
	for _, form := range []map[string]any{
		{"decision": "ROLL_BACK", "who": "Romeo"}, {"decision": "ACCEPT", "remove": true, "who": "Julia"},
	} {
		answering.Go(func() { _ = s.Resume(t.Context(), q.execution, form) }) // which may be refused
	}
	answering.Wait()
	x := s.wait(t, q.Run)
	states := []connect.State{on(t, s.global, "duels"), on(t, s.europe, "duels")}
	switch outcome := outputsOf[validated](t, x).Outcome; {
	case outcome == "rolled_back" && len(x.States["accept-connector"]) == 0:
		runsAgain(t, s.global, "duels")
	case outcome == "accepted" && len(x.States["rollback-connector"]) == 0:
		runsAgain(t, s.europe, "duels")
	case x.State == "FAILED" && len(x.States["accept-connector"])+len(x.States["rollback-connector"]) == 0 && s.options.Version == "1.3.31":
		s.awaitPosted(t, "for duels any more, see its log. Run rollback-connector or accept-connector instead")
		runsAgain(t, s.europe, "duels")
	default:
		t.Errorf("outcome %s, on both clusters %v, sub-executions %v", outcome, states, x.States)
	}
	s.exactlyOnce(t, "duels")
}

// answeredTooLate has two questions and an acceptance about a connector that was taken back and moved again: the answers to the old
// ones change nothing.
func answeredTooLate(s *stage, t *testing.T) {
	old := s.moveAndAsk(t, "almanacs", nil)
	between := map[string]any{"origin": "global", "target": "europe", "connector": "almanacs", "notify_url": s.webhook.url + "/hook"}
	accepting, err := s.Begin("accept-connector", between)
	must(t, err)
	repository, err := accepting.Paused(t.Context(), "accept-connector", waitTime)
	must(t, err)
	wantState(t, s.run(t, "rollback-connector", between), "SUCCESS")
	between["validate"] = false
	wantState(t, s.run(t, "move-connector", between), "SUCCESS")

	s.answer(t, old, map[string]any{"decision": "ROLL_BACK"})
	x := s.wait(t, old.Run)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[validated](t, x); got.Outcome != "outdated" || x.Labels["outcome"] != "outdated" {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	s.awaitPosted(t, "almanacs: ROLL_BACK by Olga: because of almanacs. nothing was done, since it was moved again meanwhile")
	must(t, s.Resume(t.Context(), repository, map[string]any{"decision": "REMOVE", "who": "Pia"}))
	x = s.wait(t, accepting)
	wantState(t, x, "FAILED")
	if got := outputsOf[acceptedOutputs](t, x); got.Outcome != "outdated" || x.Labels["outcome"] != "outdated" {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	s.awaitPosted(t, "almanacs from global to europe was not accepted, its copy on global was not removed: it was moved again meanwhile")
	if state := on(t, s.global, "almanacs"); state != connect.Stopped {
		t.Errorf("almanacs is %q on global, expected STOPPED", state)
	}
	runsAgain(t, s.europe, "almanacs")
	s.exactlyOnce(t, "almanacs")
}
