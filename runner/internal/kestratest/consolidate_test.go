package kestratest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// consolidated is what consolidate-connectors puts out.
type consolidated struct {
	Outcome, Message, Shown, Proof string
	Downtime                       string `json:"downtime_ms"`
	Entries                        int
}

func consolidatedOf(t *testing.T, x Execution) consolidated {
	t.Helper()
	var outputs consolidated
	must(t, json.Unmarshal(x.Outputs, &outputs))
	return outputs
}

// several asks for one connector of several, each of which has a stream of its name.
func several(into string, names ...string) map[string]any {
	return map[string]any{"origin": "global", "target": "europe", "connectors": names, "into": into, "list": "streams", "field": "stream"}
}

func with(inputs map[string]any, key string, value any) map[string]any {
	inputs[key] = value
	return inputs
}

// severalIntoOne consolidates three connectors of real clusters, and takes that back.
func severalIntoOne(ctx context.Context, t *testing.T, clusters *lab.Lab, engine *Engine, version string) {
	kafka, topic := clusters.Kafka("central").Bootstrap(), "several-"+version
	global, europe := clusters.Connect("global"), clusters.Connect("europe")
	names := []string{topic + "-a", topic + "-b", topic + "-c"}
	for _, name := range names {
		must(t, global.Run(ctx, name, lab.With(lab.NumberedSource(topic, 1, 100), map[string]string{"streams": name})))
	}
	flows := func() {
		tally, err := lab.Count(ctx, kafka, topic)
		must(t, err)
		for _, name := range names {
			must(t, lab.AwaitSequence(ctx, kafka, topic, name, tally[name].Last+100, waitTime))
		}
	}
	flows()

	run, err := engine.Begin("consolidate-connectors", several(topic, names...))
	must(t, err)
	paused, err := run.Paused(ctx, "consolidate-connectors", waitTime)
	must(t, err)
	if _, err := europe.Client().Status(ctx, topic); !connect.IsNotFound(err) {
		t.Errorf("%s is on europe before it was approved: %v", topic, err)
	}
	must(t, engine.Resume(ctx, paused, map[string]any{"decision": "APPROVE", "who": "Ann", "why": "reviewed"}))
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "SUCCESS")
	outputs := consolidatedOf(t, x)
	wantText(t, "what was approved", outputs.Shown, topic+": can be done: ", " on global become "+topic+" on europe")
	if outputs.Outcome != "moved" || outputs.Proof != "hard" || outputs.Entries != 3 || outputs.Downtime == "" {
		t.Errorf("outputs %+v, expected three offsets moved with a hard proof", outputs)
	}
	flows() // by the one

	x, err = engine.Run(ctx, "consolidate-connectors", with(several(topic, names...), "action", "ROLL_BACK"))
	must(t, err)
	wantState(t, x, "SUCCESS")
	if outputs = consolidatedOf(t, x); outputs.Outcome != "rolled_back" || outputs.Proof != "hard" || outputs.Entries != 3 {
		t.Errorf("outputs %+v, expected three offsets rolled back with a hard proof", outputs)
	}
	flows() // by each of them again

	for _, name := range names {
		stop(ctx, t, global.Client(), name)
	}
	counted(ctx, t, kafka, topic, 3)
}

// feeds creates running sources on global that send to one topic, each a stream of its name.
func (s *stage) feeds(t *testing.T, topic string, names ...string) {
	t.Helper()
	for _, name := range names {
		s.source(t, name, map[string]string{"topic": topic, "tasks.max": "1", "streams": name})
	}
}

func (s *stage) running(t *testing.T, connectors ...string) {
	t.Helper()
	for _, connector := range connectors {
		if state := on(t, s.global, connector); state != connect.Running {
			t.Errorf("%s is %q on global, expected RUNNING", connector, state)
		}
	}
}

// consolidate begins to consolidate, and fills in the form.
func (s *stage) consolidate(t *testing.T, inputs map[string]any, decision string) Execution {
	t.Helper()
	run, err := s.Begin("consolidate-connectors", with(inputs, "notify_url", s.webhook.url+"/hook"))
	must(t, err)
	s.decide(t, run, "consolidate-connectors", map[string]any{"decision": decision})
	return s.wait(t, run)
}

// consolidateAndTakeBack rejects, then approves, and takes it back.
func consolidateAndTakeBack(s *stage, t *testing.T) {
	s.feeds(t, "many", "many-a", "many-b")
	x := s.consolidate(t, several("many", "many-a", "many-b"), "REJECT")
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR consolidate-connectors/rejected rejected by Ann: it is REJECT")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"rejected"`, `"message":"rejected by Ann: it is REJECT"`)
	if state := on(t, s.europe, "many"); state != "" {
		t.Errorf("many is %q on europe, expected not there", state)
	}
	s.running(t, "many-a", "many-b")

	x = s.consolidate(t, several("many", "many-a", "many-b"), "APPROVE")
	wantState(t, x, "SUCCESS")
	shown := "many: can be done: many-a, many-b on global become many on europe, with 2 offset entries"
	wantText(t, "log", x.Text(), "INFO  consolidate-connectors/show "+shown, "INFO  consolidate-connectors/approved many approved by Ann: it is APPROVE",
		"INFO  consolidate-connectors/report many: many-a, many-b are now many on europe, timed proof, 2 offset entries, down for ")
	if x.Labels["origin"] != "global" || x.Labels["target"] != "europe" || x.Labels["connector"] != "many" {
		t.Errorf("labels %v", x.Labels)
	}
	if outputs := consolidatedOf(t, x); outputs.Outcome != "moved" || outputs.Shown != shown || outputs.Entries != 2 {
		t.Errorf("outputs %+v", outputs)
	}
	if one, _ := x.Task("consolidate"); !strings.Contains(string(one.Outputs), `"parts":["many-a","many-b"]`) {
		t.Errorf("outputs of the task lack the parts: %s", one.Outputs)
	}
	runsAgain(t, s.europe, "many")

	x = s.run(t, "consolidate-connectors", with(several("many", "many-a", "many-b"), "action", "ROLL_BACK"))
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"rolled_back"`, `"shown":"many: "`)
	s.running(t, "many-a", "many-b")
	s.exactlyOnce(t, "many")
	wantText(t, "webhook's texts", strings.Join(s.webhook.bodies.all(), "\n"),
		`"text":"many-a, many-b on global did not become many on europe: rejected by Ann: it is REJECT`,
		`"text":"Waits for approval, resume execution `, " of consolidate-connectors: "+shown, "; approved by Ann: it is APPROVE")
}

// refusedConsolidation asks for what the check refuses: nobody is asked, and nothing is touched.
func refusedConsolidation(s *stage, t *testing.T) {
	s.feeds(t, "unlike", "unlike-a")
	s.source(t, "unlike-b", map[string]string{"topic": "unlike", "tasks.max": "1", "streams": "unlike-b", "rate": "7"})
	for name, bad := range map[string]struct {
		inputs map[string]any
		line   string
	}{
		"one":       {several("unlike", "unlike-a"), "takes at least two parts"},
		"unlike":    {several("unlike", "unlike-a", "unlike-b"), "rate differs between unlike-a and unlike-b; say which is right with --set"},
		"no list":   {with(several("unlike", "unlike-a", "unlike-b"), "list", ""), "a list needs both its setting and the field"},
		"roll back": {with(several("unlike", "unlike-a", "nobody"), "action", "ROLL_BACK"), "nothing to take back"},
	} {
		x := s.run(t, "consolidate-connectors", with(bad.inputs, "notify_url", s.webhook.url+"/hook"))
		wantText(t, name, x.Text(), bad.line)
		if name == "roll back" {
			wantState(t, x, "SUCCESS")
			continue
		}
		wantState(t, x, "FAILED")
		wantText(t, name, string(x.Outputs), `"outcome":"refused"`)
	}
	wantText(t, "webhook's texts", strings.Join(s.webhook.bodies.all(), "\n"),
		`"text":"unlike-a, unlike-b on global did not become unlike on europe: rate differs between unlike-a and unlike-b`)
	s.running(t, "unlike-a", "unlike-b")

	x := s.consolidate(t, with(several("unlike", "unlike-a", "unlike-b"), "set", `{"rate": "9"}`), "APPROVE")
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.europe, "unlike")
	s.exactlyOnce(t, "unlike")
}

// consolidationFails cannot start the one: all run again as before, and people are told.
func consolidationFails(s *stage, t *testing.T) {
	s.feeds(t, "frail", "frail-a", "frail-b")
	s.europe.FailStarts("frail", "no license")
	x := s.consolidate(t, several("frail", "frail-a", "frail-b"), "APPROVE")
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"rolled_back"`, "no license")
	wantText(t, "log", x.Text(), "ERROR notify/log frail-a, frail-b on global did not become frail on europe: ")
	s.running(t, "frail-a", "frail-b")
	s.exactlyOnce(t, "frail")
}

// rollRegroupedWaveBack takes a wave back in which several have become one and one has become several.
func rollRegroupedWaveBack(s *stage, t *testing.T) {
	s.feeds(t, "herd", "herd-a", "herd-b")
	s.source(t, "pair", map[string]string{"streams": "x,y"})
	s.split(t, "stray")
	s.europe.FailStarts("stray", "no license")
	rules := "rules:\n" +
		"  - {name: herd, match: {glob: herd-*}, target: europe, into: herd, list: streams, field: stream}\n" +
		"  - {name: pair, match: {name: pair}, target: europe, split: {pair-x: x, pair-y: y}, list: streams, field: stream}\n" +
		"  - {name: stray, match: {name: stray}, target: europe}\n" +
		"  - {name: rest, match: {not: {glob: [herd-*, pair, stray]}}, target: stay}\n"
	run := s.migrate(t, map[string]any{"origin": "global", "rules": rules, "max_failures": 3}, map[string]any{"decision": "APPROVE"})
	s.decide(t, run, "apply-wave", map[string]any{"decision": "ROLL_BACK"})
	x := s.wait(t, run)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "ERROR apply-wave/report wave 1: 2 moved, 1 rolled back\nstray: ",
		"wave 1 rolled back (europe: 1 rolled back; europe: 1 rolled back; europe: 1 unchanged)")
	s.running(t, "herd-a", "herd-b", "pair", "stray")
	for _, name := range []string{"herd", "pair-x", "pair-y"} {
		if state := on(t, s.europe, name); state != connect.Stopped {
			t.Errorf("%s is %q on europe, expected STOPPED", name, state)
		}
	}
	for _, topic := range []string{"herd", "pair", "stray"} {
		s.exactlyOnce(t, topic)
	}
}
