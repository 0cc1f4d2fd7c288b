package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// campaign is what plan-cluster and migrate-cluster put out.
type campaign struct {
	Report, Markdown, Plan, Hash, Message, Shown, Summary string
	Refused                                               int
}

func campaignOf(t *testing.T, x Execution) campaign {
	t.Helper()
	var outputs campaign
	must(t, json.Unmarshal(x.Outputs, &outputs))
	return outputs
}

// rules move the connectors PREFIX-1, PREFIX-2 and so on, each in the wave of its number, to the
// cluster named in targets. All others stay.
func rules(prefix string, targets ...string) string {
	text := "rules:\n"
	for i, target := range targets {
		text += fmt.Sprintf("  - {name: wave %d, match: {glob: %s-%d*}, target: %s, wave: %d}\n", i+1, prefix, i+1, target, i+1)
	}
	return text + fmt.Sprintf("  - {name: the rest, match: {not: {glob: %s-*}}, target: stay}\n", prefix)
}

// split creates connectors to move, and one to stay.
func (s *stage) split(t *testing.T, names ...string) {
	t.Helper()
	must(t, s.global.Client().Create(t.Context(), "resident-"+names[0], connecttest.SourceConfig("resident", 1), connect.Stopped))
	for _, name := range names {
		s.source(t, name, nil)
	}
}

// migrate begins to migrate, and approves or rejects the plan.
func (s *stage) migrate(t *testing.T, inputs map[string]any, form map[string]any) *Run {
	t.Helper()
	inputs["notify_url"] = s.webhook.url + "/hook"
	run, err := s.Begin("migrate-cluster", inputs)
	must(t, err)
	s.decide(t, run, "migrate-cluster", form)
	return run
}

// decide waits until a flow asks, and fills in its form.
func (s *stage) decide(t *testing.T, run *Run, flow string, form map[string]any) {
	t.Helper()
	execution, err := run.Paused(t.Context(), flow, waitTime)
	must(t, err)
	form["who"], form["why"] = "Ann", "it is "+fmt.Sprint(form["decision"])
	must(t, s.Resume(t.Context(), execution, form))
}

func (s *stage) wait(t *testing.T, run *Run) Execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	return x
}

func (s *stage) runsOn(t *testing.T, name string, connectors ...string) {
	t.Helper()
	for _, connector := range connectors {
		runsAgain(t, map[string]*connecttest.Cluster{"global": s.global, "europe": s.europe}[name], connector)
	}
}

// planAndApprove reviews a plan, and migrates by that very plan.
func planAndApprove(s *stage, t *testing.T) {
	s.split(t, "split-1", "split-2")
	owned := strings.Replace(rules("split", "europe", "guarded"), "wave: 2}", "wave: 2, owner: {name: Team Split}}", 1)
	x := s.run(t, "plan-cluster", map[string]any{"origin": "global", "rules": owned, "notify_url": s.webhook.url + "/hook"})
	wantState(t, x, "SUCCESS")
	planned := campaignOf(t, x)
	if planned.Refused != 0 || x.Labels["origin"] != "global" || x.Labels["plan"] != planned.Hash[:12] {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	wantText(t, "log", x.Text(), "INFO  plan-cluster/report plan "+planned.Hash[:12]+" of global: 2 to move in 2 waves, ")
	for file, parts := range map[string][]string{
		planned.Report:   {"<html", "split-2", planned.Hash},
		planned.Markdown: {"# Plan `" + planned.Hash[:12], "split-2", planned.Hash},
		planned.Plan:     {`"hash": "` + planned.Hash},
	} {
		wantText(t, file, s.file(t, file), parts...)
	}

	run := s.migrate(t, map[string]any{"plan": planned.Plan}, map[string]any{"decision": "APPROVE", "plan": planned.Hash})
	x = s.wait(t, run)
	wantState(t, x, "SUCCESS")
	migrated := campaignOf(t, x)
	if migrated.Hash != planned.Hash || migrated.Plan != planned.Plan || x.Labels["origin"] != "global" || x.Labels["plan"] != planned.Hash[:12] {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	waves := map[string]bool{} // an iteration of 2.0's Loop is an execution of the same flow
	for _, labels := range x.Known["apply-wave"] {
		waves[labels["wave"]] = true
		if labels["origin"] != "global" || labels["plan"] != planned.Hash[:12] {
			t.Errorf("labels of an apply-wave: %v, expected origin and plan", labels)
		}
	}
	if len(waves) != 2 || !waves["1"] || !waves["2"] {
		t.Errorf("waves by their labels: %v, expected 1 and 2", waves)
	}
	wantText(t, "report of a plan that is given", s.file(t, migrated.Report), "<html", "split-2", planned.Hash)
	wantText(t, "what was approved", migrated.Shown,
		"plan "+planned.Hash[:12]+": 2 connectors from global to europe, guarded, ", "wave 2: 1 connector with 2 tasks: split-2")
	wantText(t, "summary", migrated.Summary, "2 of 2 connectors of plan "+planned.Hash[:12]+" are moved\nwave 1: 1 moved\nwave 2: 1 moved")
	wantText(t, "log", x.Text(), "INFO  migrate-cluster/approved plan "+planned.Hash[:12]+" approved by Ann: it is APPROVE",
		"INFO  apply-wave/report wave 2: 1 moved")
	wantText(t, "webhook's texts", strings.Join(s.webhook.bodies.all(), "\n"),
		`"text":"Waits for approval, resume execution `+x.ID, `"text":"wave 2: 1 moved`, `"text":"2 of 2 connectors of plan `+planned.Hash[:12])
	s.runsOn(t, "europe", "split-1", "split-2")
	for _, name := range []string{"split-1", "split-2"} {
		_, err := run.Asked(t.Context(), "validate-connector", name, waitTime)
		must(t, err)
		s.exactlyOnce(t, name)
	}
	s.awaitPosted(t, "split-2 from global to guarded waits for its owner. ")
	s.awaitPosted(t, " of apply-wave, approved by Ann")
	_, asked := s.tree.subs(x.ID)
	if owner := asked["validate-connector"][len(asked["validate-connector"])-1]["owner"]; owner != "Team Split" {
		t.Errorf("asked %v, expected the owner of split-2, Team Split", asked["validate-connector"])
	}
}

// file returns what a file in internal storage holds.
func (s *stage) file(t *testing.T, uri string) string {
	t.Helper()
	content, err := s.ReadFile(uri)
	must(t, err)
	return string(content)
}

// rehearseAndHold plans a list of connectors, rehearses that before it is approved, and holds
// right before the cut.
func rehearseAndHold(s *stage, t *testing.T) {
	s.split(t, "calmly-1", "calmly-2")
	x := s.run(t, "plan-cluster", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"calmly-1", "calmly-2"}})
	wantState(t, x, "SUCCESS")
	run, err := s.Begin("migrate-cluster", map[string]any{
		"plan": campaignOf(t, x).Plan, "rehearse": true, "hold": true, "notify_url": s.webhook.url + "/hook",
	})
	must(t, err)
	execution, err := run.Paused(t.Context(), "migrate-cluster", waitTime)
	must(t, err)
	if state := on(t, s.europe, "calmly-1"); state != "" {
		t.Errorf("calmly-1 is %q on europe after the rehearsal, expected not there", state)
	}
	must(t, s.Resume(t.Context(), execution, map[string]any{"decision": "APPROVE", "who": "Ann", "why": "rehearsed"}))
	s.awaitPosted(t, "is prepared, resume execution "+execution)
	_, err = run.Paused(t.Context(), "migrate-cluster", waitTime)
	must(t, err)
	for _, name := range []string{"calmly-1", "calmly-2"} {
		if state := on(t, s.europe, name); state != connect.Stopped {
			t.Errorf("%s is %q on europe before the cut, expected STOPPED", name, state)
		}
		s.runsOn(t, "global", name)
	}
	must(t, s.Resume(t.Context(), execution, map[string]any{"who": "Bob"}))
	x = s.wait(t, run)
	wantState(t, x, "SUCCESS")
	wantText(t, "what was approved", campaignOf(t, x).Shown, "2 connectors from global to europe")
	if shown := campaignOf(t, x).Shown; !regexp.MustCompile(`\nrehearsed, longest downtime predicted: [1-9][0-9]* ms`).MatchString(shown) {
		t.Errorf("no prediction in %s", shown)
	}
	wantText(t, "log", x.Text(), "INFO  migrate-cluster/rehearsal ", "INFO  migrate-cluster/prepare ")
	s.runsOn(t, "europe", "calmly-1", "calmly-2")
	for _, name := range []string{"calmly-1", "calmly-2"} {
		s.exactlyOnce(t, name)
	}
}

// rehearsalFails asks nobody to approve what could not be rehearsed.
func rehearsalFails(s *stage, t *testing.T) {
	s.split(t, "unfit-1")
	x := s.run(t, "plan-cluster", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"unfit-1"}})
	wantState(t, x, "SUCCESS")
	must(t, s.europe.Client().Create(t.Context(), "unfit-1", connecttest.SourceConfig("other", 1), connect.Stopped))
	x = s.run(t, "migrate-cluster", map[string]any{"plan": campaignOf(t, x).Plan, "rehearse": true, "notify_url": s.webhook.url + "/hook"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR migrate-cluster/rehearsal unfit-1: ")
	wantText(t, "webhook's texts", strings.Join(s.webhook.bodies.all(), "\n"), " ended early: wave 1: 1 refused")
	s.runsOn(t, "global", "unfit-1")
}

// awaitPosted waits until the webhook was sent a text.
func (s *stage) awaitPosted(t *testing.T, part string) {
	t.Helper()
	must(t, wait.Until(t.Context(), "the webhook to be told "+part, waitTime, func(context.Context) (bool, string, error) {
		return strings.Contains(strings.Join(s.webhook.bodies.all(), "\n"), part), "not yet", nil
	}))
}

func reject(s *stage, t *testing.T) {
	s.split(t, "calm-1")
	for name, test := range map[string]struct {
		form map[string]any
		line string
	}{
		"rejected":     {map[string]any{"decision": "REJECT"}, "ERROR migrate-cluster/rejected rejected by Ann: it is REJECT"},
		"another plan": {map[string]any{"decision": "APPROVE", "plan": "0123"}, ", and 0123 was approved"},
	} {
		x := s.wait(t, s.migrate(t, map[string]any{"origin": "global", "rules": rules("calm", "europe")}, test.form))
		wantState(t, x, "FAILED")
		wantText(t, name, x.Text(), test.line)
		if len(x.States["apply-wave"]) != 0 {
			t.Errorf("%s: waves began: %v", name, x.States)
		}
	}
	wantText(t, "webhook's texts", strings.Join(s.webhook.bodies.all(), "\n"), " ended early: rejected by Ann: it is REJECT")
	if state := on(t, s.europe, "calm-1"); state != "" {
		t.Errorf("calm-1 is %q on europe, expected not there", state)
	}
	s.runsOn(t, "global", "calm-1")
}

// refusedPlan asks for too little, for too much, and for a plan with a move that is refused.
func refusedPlan(s *stage, t *testing.T) {
	s.split(t, "fits-1", "lacks-2")
	must(t, s.europe.Client().Create(t.Context(), "lacks-2", connecttest.SourceConfig("other", 1), connect.Stopped))
	for _, bad := range []struct {
		name, flow string
		inputs     map[string]any
		line       string
	}{
		{"no rules", "plan-cluster", map[string]any{"origin": "global"}, "ERROR plan-cluster/need_rules give either rules, or rules_file, or target with connectors"},
		{"a target alone", "plan-cluster", map[string]any{"origin": "global", "target": "europe"}, "ERROR plan-cluster/need_rules give either"},
		{"rules and a list", "plan-cluster", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"fits-1"}, "rules": "rules: []"},
			"ERROR plan-cluster/need_rules give either"},
		{"neither", "migrate-cluster", map[string]any{}, "ERROR migrate-cluster/need_plan_or_rules give either a plan, or an origin with rules"},
		{"rules without an origin", "migrate-cluster", map[string]any{"rules": "rules: []"}, "ERROR migrate-cluster/need_plan_or_rules give either"},
		{"no file", "plan-cluster", map[string]any{"origin": "global", "rules": "nsfile:///nowhere.yaml"},
			"ERROR plan-cluster/plan `rules` is nsfile:///nowhere.yaml, and there is no such file"},
		{"rules that do not fit", "plan-cluster", map[string]any{"origin": "global", "rules": "rules: [{name: none, match: {name: nobody}, target: europe}]"},
			"ERROR plan-cluster/plan the rules do not fit: "},
		{"rules that are none", "plan-cluster", map[string]any{"origin": "global", "rules": "rule: []"}, "ERROR plan-cluster/plan rules.yaml:1:1: unknown key"},
	} {
		x := s.run(t, bad.flow, bad.inputs)
		wantState(t, x, "FAILED")
		wantText(t, bad.name, x.Text(), bad.line)
	}
	rules := "rules:\n" +
		"  - {name: europe, match: {name: [fits-1, lacks-2]}, target: europe}\n" +
		"  - {name: rest, match: {not: {name: [fits-1, lacks-2]}}, target: stay}\n"
	x := s.run(t, "plan-cluster", map[string]any{"origin": "global", "rules": rules})
	wantState(t, x, "FAILED")
	planned := campaignOf(t, x)
	if planned.Refused != 1 {
		t.Errorf("outputs %s, expected one refused", x.Outputs)
	}
	wantText(t, "log", x.Text(), "ERROR plan-cluster/plan lacks-2: ", "ERROR notify/log global: the plan refuses 1 of 2 moves, its report says why")
	wantText(t, "report of a refused plan", s.file(t, planned.Markdown), "## Refused moves", "lacks-2")
	x = s.run(t, "migrate-cluster", map[string]any{"plan": planned.Plan})
	wantState(t, x, "FAILED")
	wantText(t, "report of a refused plan that is given", s.file(t, campaignOf(t, x).Markdown), "## Refused moves", "lacks-2")
	wantText(t, "log", x.Text(), "ERROR migrate-cluster/need_moves plan "+planned.Hash[:12]+" refuses lacks-2")
	x = s.run(t, "migrate-cluster", map[string]any{"origin": "global", "rules": rules})
	wantState(t, x, "FAILED")
	if report := campaignOf(t, x).Report; !strings.HasPrefix(report, "kestra:///") {
		t.Errorf("report %q, expected a file", report)
	}
	s.runsOn(t, "global", "fits-1")
}

// rollWaveBack has a wave to two clusters fail halfway, takes it back, mends what failed, and
// goes on with the same plan.
func rollWaveBack(s *stage, t *testing.T) {
	s.split(t, "story-1a", "story-1b", "story-2")
	text := strings.Replace(rules("story", "europe", "europe"), "glob: story-1*", "name: story-1a", 1) +
		"  - {name: guarded, match: {name: story-1b}, target: guarded, rename: {pattern: ^, with: new-}}\n"
	x := s.run(t, "plan-cluster", map[string]any{"origin": "global", "rules": text})
	wantState(t, x, "SUCCESS")
	planned := campaignOf(t, x)
	s.europe.FailStarts("story-1a", "no license")
	run := s.migrate(t, map[string]any{"plan": planned.Plan, "max_failures": 2}, map[string]any{"decision": "APPROVE"})
	s.decide(t, run, "apply-wave", map[string]any{"decision": "ROLL_BACK"})
	x = s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR apply-wave/report wave 1: 1 moved, 1 rolled back\nstory-1a: ", "no license",
		"WARN  apply-wave/report_outcome wave 1 rolled back (europe: 1 unchanged; guarded: 1 rolled back), decided by Ann: it is ROLL_BACK")
	if strings.Contains(x.Text(), "wave 2 of 2") {
		t.Errorf("wave 2 began after wave 1 had been rolled back:\n%s", x.Text())
	}
	s.runsOn(t, "global", "story-1a", "story-1b", "story-2")

	s.europe.FailStarts("story-1a", "")
	x = s.wait(t, s.migrate(t, map[string]any{"plan": planned.Plan}, map[string]any{"decision": "APPROVE"}))
	wantState(t, x, "SUCCESS")
	wantText(t, "summary", campaignOf(t, x).Summary, "3 of 3 connectors", "\nwave 1: 2 moved\nwave 2: 1 moved")
	s.runsOn(t, "europe", "story-1a", "new-story-1b", "story-2")
	for _, name := range []string{"story-1a", "story-1b", "story-2"} {
		s.exactlyOnce(t, name)
	}
}

// goOnAfterFailure goes on twice: what fails again stays, what was mended is moved.
func goOnAfterFailure(s *stage, t *testing.T) {
	s.split(t, "brave-1", "brave-2")
	s.europe.FailStarts("brave-1", "no license")
	s.europe.FailStarts("brave-2", "no license")
	run := s.migrate(t, map[string]any{"origin": "global", "rules": rules("brave", "europe", "europe")}, map[string]any{"decision": "APPROVE"})
	s.decide(t, run, "apply-wave", map[string]any{"decision": "GO_ON"})
	execution, err := run.Paused(t.Context(), "apply-wave", waitTime)
	must(t, err)
	s.europe.FailStarts("brave-2", "")
	must(t, s.Resume(t.Context(), execution, map[string]any{"decision": "GO_ON", "who": "Bob", "why": "mended"}))
	x := s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "wave 1: 1 rolled back, goes on, decided by Ann: it is GO_ON", "wave 2: 1 moved, goes on, decided by Bob: mended")
	wantText(t, "summary", campaignOf(t, x).Summary, "1 of 2 connectors", "\nwave 2: 1 moved, goes on")
	s.runsOn(t, "global", "brave-1")
	s.runsOn(t, "europe", "brave-2")
	for _, name := range []string{"brave-1", "brave-2"} {
		s.exactlyOnce(t, name)
	}
}

func stopAtFailure(s *stage, t *testing.T) {
	s.split(t, "halt-1", "halt-2")
	s.europe.FailStarts("halt-1", "no license")
	run := s.migrate(t, map[string]any{"origin": "global", "rules": rules("halt", "europe", "europe")}, map[string]any{"decision": "APPROVE"})
	s.decide(t, run, "apply-wave", map[string]any{"decision": "STOP"})
	x := s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "wave 1 stopped, decided by Ann: it is STOP")
	if strings.Contains(x.Text(), "wave 2 of 2") {
		t.Errorf("wave 2 began after wave 1 had been stopped:\n%s", x.Text())
	}
	wantText(t, "log", x.Text(), " ended early: a wave was stopped")
	s.runsOn(t, "global", "halt-1", "halt-2")
	s.exactlyOnce(t, "halt-1")
}

// changedMeanwhile approves a plan of a cluster that has changed since: it is not carried out,
// whatever is answered.
func changedMeanwhile(s *stage, t *testing.T) {
	s.split(t, "stale-1")
	run, err := s.Begin("migrate-cluster", map[string]any{"origin": "global", "rules": rules("stale", "europe")})
	must(t, err)
	_, err = run.Paused(t.Context(), "migrate-cluster", waitTime)
	must(t, err)
	config, err := s.global.Client().Config(t.Context(), "stale-1")
	must(t, err)
	must(t, s.global.Client().PutConfig(t.Context(), "stale-1", config.With("rate", rawjson.String("7"))))
	s.decide(t, run, "migrate-cluster", map[string]any{"decision": "APPROVE"})
	s.decide(t, run, "apply-wave", map[string]any{"decision": "GO_ON"})
	x := s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR apply-wave/report wave 1: the plan no longer matches the clusters: the config of stale-1 on global has changed",
		", cannot go on, decided by Ann")
	s.runsOn(t, "global", "stale-1")
}
