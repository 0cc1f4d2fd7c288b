package kestratest

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// held begins a flow that moves a connector of the pair from one cluster to the other, or back. It stands still right before it
// writes the final offsets, until the gate is opened.
func (p *pairOf) held(t *testing.T, flow, connector string) (*Run, *gate) {
	t.Helper()
	stopped := &atomic.Bool{}
	gates := map[string]*gate{}
	for name, cluster := range map[string]http.Handler{p.from: p.origin, p.to: p.target} {
		writesHere := (name == p.to) == (flow == "move-connector")
		gate, address := newGate(t, serve(t, cluster), false, func(r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, connector+"/stop") {
				stopped.Store(true)
			}
			return writesHere && stopped.Load() && r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets")
		})
		gates[name] = gate
		p.addClusters(t, map[string]any{connector + "-" + name: map[string]any{"connect_url": address}})
	}
	run, err := p.Begin(flow, map[string]any{"origin": connector + "-" + p.from, "target": connector + "-" + p.to, "connector": connector})
	must(t, err)
	if flow == "move-connector" {
		return run, gates[p.to]
	}
	return run, gates[p.from]
}

// besideARun watches and recovers connectors that are being moved or rolled back, without leases. The watch stops nothing because of
// what a run passes through; of two runs one wins, the other does not undo that, and no record is lost or sent twice.
func besideARun(s *stage, t *testing.T) {
	p := s.pairOf(t, "busy")
	p.moved(t, "unloading")
	source(t, p.origin, "loading", nil)
	source(t, p.origin, "shunting", nil)
	runs, gates := map[string]*Run{}, map[string]*gate{}
	for connector, flow := range map[string]string{"loading": "move-connector", "shunting": "move-connector", "unloading": "rollback-connector"} {
		runs[connector], gates[connector] = p.held(t, flow, connector)
	}
	for _, gate := range gates {
		gate.await(t, "the final offsets", waitTime)
	}
	watching, err := p.Begin("watch-clusters", map[string]any{"origin": p.from, "target": p.to, "policy": "STOP"})
	must(t, err)
	recoveries := map[string]*Run{}
	for connector, policy := range map[string]string{"loading": "FINISH", "shunting": "PUT_BACK"} {
		recoveries[connector], err = p.Begin("recover-connectors", map[string]any{"origin": p.from, "target": p.to, "connectors": []string{connector}, "policy": policy})
		must(t, err)
	}
	x := s.wait(t, watching)
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"down"`, "unloading: half_moved, ", "if no run is at work on it")
	gates["unloading"].open()

	// Who wins depends on how fast the machine is; the connector is where the recovery says, and nowhere else.
	for connector, run := range runs {
		var recovered recovered
		if recovery := recoveries[connector]; recovery != nil {
			recovered = resultsOf(t, s.wait(t, recovery))[connector]
			gates[connector].open()
		}
		x := s.wait(t, run)
		runs, rests := p.origin, p.target
		if recovered.Outcome == "moved" || connector == "unloading" && x.State != "SUCCESS" {
			runs, rests = p.target, p.origin
		}
		runsAgain(t, runs, connector)
		if state := on(t, rests, connector); state == connect.Running {
			t.Errorf("%s runs on both; recovered: %+v; the first run:\n%s", connector, recovered, x.Text())
		}
		s.exactlyOnce(t, connector)
	}
}

// movedOnAndWatched has a connector that was moved on to a third cluster: between the first two there is nothing to alarm anybody,
// and nothing to recover.
func movedOnAndWatched(s *stage, t *testing.T) {
	p := s.pairOf(t, "onward")
	further := s.cluster(t, "onward-further")
	s.addClusters(t, map[string]any{"onward-further": map[string]any{"connect_url": serve(t, further)}})
	p.moved(t, "nomads")
	wantState(t, p.run(t, "move-connector", map[string]any{"origin": p.to, "target": "onward-further", "connector": "nomads", "validate": false}), "SUCCESS")
	x := p.look(t, "SUCCESS", map[string]any{"policy": "STOP"})
	wantText(t, "outputs", string(x.Outputs), `"outcome":"nothing"`)
	p.wantTold(t, 0)
	x = p.run(t, "recover-connectors", map[string]any{"origin": p.from, "target": p.to, "policy": "FINISH"})
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), "nothing is half way")
	runsAgain(t, further, "nomads")
	if origin, target := on(t, p.origin, "nomads"), on(t, p.target, "nomads"); origin != connect.Stopped || target != connect.Stopped {
		t.Errorf("nomads is %s and %s", origin, target)
	}
	s.exactlyOnce(t, "nomads")
}
