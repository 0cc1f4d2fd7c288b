package kestratest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// pairOf is two Connect clusters of one test alone: a watch looks at all connectors.
type pairOf struct {
	*stage
	origin, target *connecttest.Cluster
	from, to       string
	// refuses lets the target refuse every request.
	refuses atomic.Bool
}

func (s *stage) pairOf(t *testing.T, name string) *pairOf {
	t.Helper()
	p := &pairOf{stage: s, from: name + "-from", to: name + "-to"}
	p.origin, p.target = s.cluster(t, p.from), s.cluster(t, p.to)
	s.addClusters(t, map[string]any{
		p.from: map[string]any{"connect_url": serve(t, p.origin)},
		p.to: map[string]any{"connect_url": serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if p.refuses.Load() {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			p.target.ServeHTTP(w, r)
		}))},
	})
	return p
}

// look runs watch-clusters on the pair.
func (p *pairOf) look(t *testing.T, state string, inputs map[string]any) Execution {
	t.Helper()
	given := map[string]any{"origin": p.from, "target": p.to, "notify_url": p.webhook.url + "/hook"}
	for key, value := range inputs {
		given[key] = value
	}
	x := p.run(t, "watch-clusters", given)
	wantState(t, x, state)
	return x
}

// told are the messages at the webhook that name the pair.
func (p *pairOf) told() []string {
	var told []string
	for _, body := range p.webhook.bodies.all() {
		if strings.Contains(body, p.from) {
			told = append(told, body)
		}
	}
	return told
}

// wantTold checks how many messages there are about the pair, and what the last one says.
func (p *pairOf) wantTold(t *testing.T, count int, parts ...string) {
	t.Helper()
	told := p.told()
	if len(told) != count {
		t.Fatalf("%d messages about %s, expected %d:\n%s", len(told), p.from, count, strings.Join(told, "\n"))
	}
	if count > 0 {
		wantText(t, "webhook", told[count-1], parts...)
	}
}

// moved has a connector on the target, further than its copy on the origin.
func (p *pairOf) moved(t *testing.T, connector string) {
	t.Helper()
	p.movedAs(t, connector, connector)
}

// movedAs has it there under another name.
func (p *pairOf) movedAs(t *testing.T, connector, name string) {
	t.Helper()
	source(t, p.origin, connector, nil)
	x := p.run(t, "move-connector", map[string]any{"origin": p.from, "target": p.to, "connector": connector, "target_connector": name, "notify": false})
	wantState(t, x, "SUCCESS")
	before, err := p.origin.Client().Offsets(t.Context(), connector)
	must(t, err)
	awaitProgress(t, p.target, name, string(before.Bytes()))
	p.keepCommitting(t)
}

// keepCommitting keeps what the target has committed ahead of an origin that started later, which
// commits whenever it likes.
func (p *pairOf) keepCommitting(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var committing sync.WaitGroup
	committing.Go(func() {
		for wait.For(ctx, 200*time.Millisecond) == nil {
			p.target.Commit()
		}
	})
	t.Cleanup(func() { cancel(); committing.Wait() })
}

// watchOnce has a connector whose origin's copy somebody resumes: told once, reminded of, told
// when it is over, and stopped only if that was asked for. Meanwhile a look fails: what was told
// before is not over then.
func watchOnce(s *stage, t *testing.T) {
	p := s.pairOf(t, "resumed")
	p.moved(t, "turbine")
	x := p.look(t, "SUCCESS", nil)
	wantText(t, "outputs", string(x.Outputs), `"outcome":"nothing"`, "1 looked at, nothing alarming")
	p.wantTold(t, 0)

	must(t, p.origin.Client().Resume(t.Context(), "turbine"))
	runsAgain(t, p.origin, "turbine")
	x = p.look(t, "FAILED", nil)
	p.wantTold(t, 1, "resumed-from to resumed-to: 1 looked at, alarming: 1 origin_resumed", `new: turbine: origin_resumed, it runs on both clusters`, "stop the one on resumed-from")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"running_twice"`, `"code":"origin_resumed"`)
	wantText(t, "log", x.Text(), "ERROR watch-clusters/verdict turbine: origin_resumed")
	if x.Labels["outcome"] != "running_twice" || x.Labels["origin"] != p.from || x.Labels["target"] != p.to {
		t.Errorf("labels %v", x.Labels)
	}
	p.look(t, "FAILED", nil)
	p.wantTold(t, 1)

	p.refuses.Store(true)
	x = p.look(t, "FAILED", nil)
	wantText(t, "outputs", string(x.Outputs), `"outcome":"not_looked_at"`)
	p.wantTold(t, 2, "new: could not be looked at", "401")
	p.look(t, "FAILED", nil)
	p.wantTold(t, 2)
	p.refuses.Store(false)
	p.look(t, "FAILED", map[string]any{"remind_every": "PT0S"})
	p.wantTold(t, 3, "still: turbine: origin_resumed", "over: could not be looked at")

	x = p.look(t, "FAILED", map[string]any{"policy": "STOP"})
	p.wantTold(t, 4, "new: turbine: origin_resumed", "the one on resumed-from was stopped; what it sent meanwhile is sent twice")
	if state := on(t, p.origin, "turbine"); state != connect.Stopped {
		t.Errorf("turbine is %s on the origin; the log:\n%s", state, x.Text())
	}
	p.look(t, "SUCCESS", nil)
	p.wantTold(t, 5, "nothing alarming", "over: turbine running_twice")
	p.look(t, "SUCCESS", nil)
	p.wantTold(t, 5)
}

// createdAgain has a deployment tool that creates the origin's copy again after its acceptance, of a connector that has another
// name on the target, which the acceptance tells.
func createdAgain(s *stage, t *testing.T) {
	p := s.pairOf(t, "deployed")
	p.movedAs(t, "boiler", "boiler-2")
	config, err := p.origin.Client().Config(t.Context(), "boiler")
	must(t, err)
	x := p.run(t, "accept-connector", map[string]any{"origin": p.from, "target": p.to, "connector": "boiler", "target_connector": "boiler-2", "remove": true, "accepted_by": "Ann"})
	wantState(t, x, "SUCCESS")
	p.look(t, "SUCCESS", nil)
	p.wantTold(t, 0)

	must(t, p.origin.Client().Create(t.Context(), "boiler", config, connect.Running))
	runsAgain(t, p.origin, "boiler")
	p.look(t, "FAILED", map[string]any{"policy": "STOP"})
	p.wantTold(t, 1, "new: boiler: origin_created_again", "was accepted and removed at ", "the one on deployed-from was stopped")
	if origin, target := on(t, p.origin, "boiler"), on(t, p.target, "boiler-2"); origin != connect.Stopped || target != connect.Running {
		t.Errorf("boiler is %s on the origin and %s on the target", origin, target)
	}
	// At rest it is not urgent, but the tool will do so again.
	x = p.look(t, "WARNING", nil)
	wantText(t, "outputs", string(x.Outputs), `"outcome":"alarming"`, `"code":"origin_created_again"`)
	p.wantTold(t, 1)
	must(t, p.origin.Client().Delete(t.Context(), "boiler"))
	p.look(t, "SUCCESS", nil)
	p.wantTold(t, 2, "over: boiler origin_created_again")
}

// watchUnreachable has a cluster that nobody has ever reached.
func watchUnreachable(s *stage, t *testing.T) {
	inputs := map[string]any{"origin": "europe", "target": "gone", "notify_url": s.webhook.url + "/hook"}
	for range 2 {
		x := s.run(t, "watch-clusters", inputs)
		wantState(t, x, "FAILED")
		wantText(t, "outputs", string(x.Outputs), `"outcome":"not_looked_at"`)
	}
	count := 0
	for _, body := range s.webhook.bodies.all() {
		if strings.Contains(body, "europe to gone: ") {
			count++
			wantText(t, "webhook", body, "new: could not be looked at")
		}
	}
	if count != 1 {
		t.Errorf("told %d times, expected once", count)
	}
	x := s.run(t, "watch-clusters", map[string]any{"origin": "europe", "target": "europe"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "origin and target are both europe")
}
