package kestratest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// killOutright ends a move as a power cut does: Kestra says KILLED, and the runner is gone before
// it can put anything back.
func killOutright(t *testing.T, run *Run, connector string) {
	t.Helper()
	pids := ferriesOf(connector)
	if len(pids) != 1 {
		t.Fatalf("%d runners at work on %s, expected one", len(pids), connector)
	}
	// Held, it cannot follow Kestra's wish that it put back what it began.
	must(t, syscall.Kill(pids[0], syscall.SIGSTOP))
	must(t, run.Kill(t.Context()))
	must(t, wait.Until(t.Context(), "Kestra to kill the move of "+connector, waitTime, func(context.Context) (bool, string, error) {
		state := run.state()
		return strings.HasPrefix(state, "KILL"), state, nil
	}))
	must(t, syscall.Kill(pids[0], syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "KILLED")
	must(t, wait.Until(t.Context(), connector+"'s runner to end", waitTime, func(context.Context) (bool, string, error) {
		return len(ferriesOf(connector)) == 0, "it has not", nil
	}))
}

// own is a name that no connector of the other engine has: runners are found by it.
func (s *stage) own(name string) string { return name + "-" + s.options.Version }

type recovered struct {
	Connector, Outcome, Message, Came string
}

func resultsOf(t *testing.T, x Execution) map[string]recovered {
	t.Helper()
	var outputs struct{ Results []recovered }
	must(t, json.Unmarshal(x.Outputs, &outputs))
	results := map[string]recovered{}
	for _, one := range outputs.Results {
		results[one.Connector] = one
	}
	return results
}

func wantCame(t *testing.T, x Execution, want map[string]string) {
	t.Helper()
	results := resultsOf(t, x)
	for connector, came := range want {
		if got := results[connector]; got.Outcome+" "+got.Came != came {
			t.Errorf("%s: %+v, expected %s", connector, got, came)
		}
	}
	if len(results) != len(want) {
		t.Errorf("results %+v, expected %v; the log:\n%s", results, want, x.Text())
	}
}

// heldMove begins a move to europe that stands still once it has stopped its origin.
func (s *stage) heldMove(t *testing.T, connector string) *Run {
	t.Helper()
	stopped := &atomic.Bool{}
	target, address := newGate(t, serve(t, s.europe), false, func(r *http.Request) bool {
		return stopped.Load() && r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets")
	})
	_, origin := newGate(t, serve(t, s.global), false, func(r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, connector+"/stop") {
			stopped.Store(true)
		}
		return false
	})
	s.addClusters(t, map[string]any{"through-" + connector: map[string]any{"connect_url": address}, "from-" + connector: map[string]any{"connect_url": origin}})
	run, err := s.Begin("move-connector", map[string]any{
		"origin": "from-" + connector, "target": "through-" + connector, "connector": connector, "notify": false,
	})
	must(t, err)
	target.await(t, "the copy of the offsets", waitTime)
	return run
}

// killedAndFinished kills a move outright after the stop, and one while it waits for the
// connector to pause, and lets both be finished.
func killedAndFinished(s *stage, t *testing.T) {
	kiln, forge := s.own("kiln"), s.own("forge")
	s.source(t, kiln, nil)
	killOutright(t, s.heldMove(t, kiln), kiln)
	s.source(t, forge, slow)
	run, err := s.Begin("move-connector", map[string]any{"origin": "global", "target": "europe", "connector": forge, "notify": false})
	must(t, err)
	s.awaitPaused(t, forge)
	killOutright(t, run, forge)

	x := s.run(t, "recover-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{kiln, forge}, "policy": "FINISH", "notify_url": s.webhook.url + "/hook",
	})
	wantState(t, x, "SUCCESS")
	wantCame(t, x, map[string]string{kiln: "moved recovered", forge: "moved recovered"})
	wantText(t, "outputs", string(x.Outputs), "global to europe: 2 of 2 recovered", kiln+": moved to europe")
	// Its poll ends some time, on a loaded machine before its runner is killed.
	if paused, stopped := "it is paused on global, and does not run on europe", forge+": a move of it was begun and not finished: it runs on neither"; !strings.Contains(string(x.Outputs), paused) {
		wantText(t, "outputs", string(x.Outputs), stopped)
	}
	if x.Labels["outcome"] != "recovered" || x.Labels["target"] != "europe" {
		t.Errorf("labels %v", x.Labels)
	}
	runsAgain(t, s.europe, kiln)
	runsAgain(t, s.europe, forge)
	s.exactlyOnce(t, kiln)
}

// killedAndPutBack kills a move outright, and lets it be put back once somebody has decided so.
func killedAndPutBack(s *stage, t *testing.T) {
	crane := s.own("crane")
	s.source(t, crane, nil)
	killOutright(t, s.heldMove(t, crane), crane)
	run, err := s.Begin("recover-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{crane}, "notify_url": s.webhook.url + "/hook",
	})
	must(t, err)
	paused, err := run.Paused(t.Context(), "recover-connectors", waitTime)
	must(t, err)
	wantText(t, "webhook", strings.Join(s.webhook.bodies.all(), "\n"), "resume execution "+paused+" of recover-connectors: global to europe: 1 half way", crane+": a move of it was begun and not finished: it runs on neither cluster")
	must(t, s.Resume(t.Context(), paused, map[string]any{"decision": "PUT_BACK", "who": "Ann", "why": "the window is over"}))
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "SUCCESS")
	wantCame(t, x, map[string]string{crane: "put_back recovered"})
	wantText(t, "outputs", string(x.Outputs), "1 of 1 recovered, decided by Ann: the window is over")
	s.isBack(t, crane)
	s.exactlyOnce(t, crane)
}

// halfWay leaves a connector as a move that was killed after its stop does, with a copy of its own
// settings if there are some.
func (p *pairOf) halfWay(t *testing.T, connector string, settings map[string]string) {
	t.Helper()
	source(t, p.origin, connector, nil)
	copied, err := p.origin.Client().Config(t.Context(), connector)
	must(t, err)
	for key, value := range settings {
		copied = copied.With(key, rawjson.String(value))
	}
	must(t, p.target.Client().Create(t.Context(), connector, copied, connect.Stopped))
	must(t, p.origin.Client().Stop(t.Context(), connector))
}

// recoverEach has one of each that a kill can leave: what fails does not keep the others from
// being recovered, and what cannot be known is not guessed.
func recoverEach(s *stage, t *testing.T) {
	p := s.pairOf(t, "killed")
	x := p.run(t, "recover-connectors", map[string]any{"origin": p.from, "target": p.to, "notify_url": s.webhook.url + "/hook"})
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), "killed-from to killed-to: nothing is half way", `"results":[]`)
	p.wantTold(t, 0)

	p.moved(t, "return")
	must(t, p.origin.Client().PatchConfig(t.Context(), "return", config.ChangeBack(connect.Running)))
	must(t, p.target.Client().Stop(t.Context(), "return"))
	p.halfWay(t, "plain", nil)
	p.halfWay(t, "tuned", map[string]string{"batch.size": "20"})
	p.halfWay(t, "deleted", nil)
	must(t, p.origin.Client().Delete(t.Context(), "deleted"))
	source(t, p.origin, "bystander", nil)

	x = p.run(t, "recover-connectors", map[string]any{"origin": p.from, "target": p.to, "policy": "FINISH", "notify_url": s.webhook.url + "/hook"})
	wantState(t, x, "FAILED")
	wantCame(t, x, map[string]string{
		"plain": "moved recovered", "return": "rolled_back recovered", "tuned": "refused not_recovered", "deleted": "refused not_recovered",
	})
	p.wantTold(t, 1, "killed-from to killed-to: 2 of 4 recovered", "tuned: NOT RECOVERED, ", "batch.size", "deleted: NOT RECOVERED, ", "one of the two was deleted meanwhile")
	wantText(t, "log", x.Text(), "ERROR recover-connectors/verdict not recovered: deleted (", "tuned (")
	runsAgain(t, p.target, "plain")
	runsAgain(t, p.origin, "return")
	for _, connector := range []string{"plain", "return"} {
		s.exactlyOnce(t, connector)
	}
	if origin, target := on(t, p.origin, "tuned"), on(t, p.target, "tuned"); origin != connect.Stopped || target != connect.Stopped {
		t.Errorf("tuned is %s and %s, expected untouched", origin, target)
	}

	// What cannot be finished can be put back. What is asked for and not half way is told too.
	x = p.run(t, "recover-connectors", map[string]any{"origin": p.from, "target": p.to, "policy": "PUT_BACK", "connectors": []string{"tuned", "bystander"}})
	wantState(t, x, "SUCCESS")
	wantCame(t, x, map[string]string{"tuned": "put_back recovered", "bystander": "observed nothing_to_do"})
	runsAgain(t, p.origin, "tuned")
	s.exactlyOnce(t, "tuned")
}

// recoverSome asks, and leaves what is not named in the answer.
func recoverSome(s *stage, t *testing.T) {
	p := s.pairOf(t, "asked")
	p.halfWay(t, "first", nil)
	p.halfWay(t, "second", nil)
	run, err := p.Begin("recover-connectors", map[string]any{"origin": p.from, "target": p.to})
	must(t, err)
	paused, err := run.Paused(t.Context(), "recover-connectors", waitTime)
	must(t, err)
	must(t, p.Resume(t.Context(), paused, map[string]any{"decision": "FINISH", "connectors": []string{"second"}, "who": "Bob", "why": "the first is looked at"}))
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "SUCCESS")
	wantCame(t, x, map[string]string{"first": "half_moved left", "second": "moved recovered"})
	if x.Labels["outcome"] != "left" {
		t.Errorf("labels %v", x.Labels)
	}
	runsAgain(t, p.target, "second")
	if state := on(t, p.target, "first"); state != connect.Stopped {
		t.Errorf("first is %s on the target", state)
	}

	p.refuses.Store(true)
	x = p.run(t, "recover-connectors", map[string]any{"origin": p.from, "target": p.to, "policy": "FINISH"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "nothing was recovered, the clusters could not be looked at: ")
}

// recoverForReal kills a move of a connector under traffic. As long as the dead run has the lease
// the connector is left alone; then its move is finished, and every record is counted.
func recoverForReal(ctx context.Context, t *testing.T, clusters *lab.Lab, engine *Engine, version string) {
	connector := "killed-" + version
	kafka := clusters.Kafka("central").Bootstrap()
	must(t, clusters.Connect("global").Run(ctx, connector, lab.NumberedSource(connector, 2, 100)))
	must(t, lab.AwaitSequence(ctx, kafka, connector, connector+"-0", 100, waitTime))

	stopped := &atomic.Bool{}
	_, origin := newGate(t, clusters.Connect("global").URLs()[0], false, func(r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/stop") {
			stopped.Store(true)
		}
		return false
	})
	target, address := newGate(t, clusters.Connect("europe").URLs()[0], false, func(r *http.Request) bool {
		return stopped.Load() && r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets")
	})
	nats, err := natstest.Start(t.TempDir(), nil)
	must(t, err)
	t.Cleanup(nats.Stop)
	known := entries(clusters)
	for name, url := range map[string]string{"global": origin, "europe": address} {
		known[name].(map[string]any)["connect_url"] = url
	}
	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{
		"clusters": known, "nats": map[string]any{"url": nats.URL(), "lease_ttl": "10m"}, // for as long as this test
	}))
	inputs := map[string]any{"origin": "global", "target": "europe", "connector": connector, "notify": false}
	run, err := engine.Begin("move-connector", inputs)
	must(t, err)
	target.await(t, "the copy of the offsets", waitTime)
	killOutright(t, run, connector)

	inputs = map[string]any{"origin": "global", "target": "europe", "connectors": []string{connector}, "policy": "FINISH"}
	x, err := engine.Run(ctx, "recover-connectors", inputs)
	must(t, err)
	wantState(t, x, "WARNING")
	wantCame(t, x, map[string]string{connector: "held held"})
	wantText(t, "outputs", string(x.Outputs), "0 of 1 recovered", connector+": left alone, another run is at work on it: ", "Kestra execution ")

	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": known}))
	x, err = engine.Run(ctx, "recover-connectors", inputs)
	must(t, err)
	wantState(t, x, "SUCCESS")
	wantCame(t, x, map[string]string{connector: "moved recovered"})
	wantText(t, "outputs", string(x.Outputs), "moved to europe, hard proof")
	countFrom(ctx, t, clusters, kafka, connector, "europe", 2)
	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": entries(clusters)}))
}
