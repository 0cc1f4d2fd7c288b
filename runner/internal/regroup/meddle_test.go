package regroup

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// faulty lets one request to a cluster, the at-th, meet a fault.
func faulty(at int, fault *connecttest.RequestFault, total *atomic.Int64) connecttest.Interceptor {
	hit := connecttest.Faults(fault)
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if total.Add(1) == int64(at) {
			hit(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// TestFaultAtEveryRequest lets each request to either cluster meet a fault. Whatever comes of it,
// nothing is lost nor sent twice, and the same command ends it.
func TestFaultAtEveryRequest(t *testing.T) {
	every := 41
	if *all {
		every = 1
	}
	for name, fault := range map[string]func(*connecttest.Cluster) *connecttest.RequestFault{
		"request lost": func(*connecttest.Cluster) *connecttest.RequestFault { return connecttest.On("", "").LostRequest() },
		"answer lost":  func(*connecttest.Cluster) *connecttest.RequestFault { return connecttest.On("", "").LostAnswer() },
		"conflict":     func(*connecttest.Cluster) *connecttest.RequestFault { return connecttest.On("", "").Conflict() },
		"timed out":    func(*connecttest.Cluster) *connecttest.RequestFault { return connecttest.On("", "").TimedOut() },
		"soon": func(c *connecttest.Cluster) *connecttest.RequestFault {
			return connecttest.On("", "").Late(c, 300*time.Millisecond)
		},
		"late": func(c *connecttest.Cluster) *connecttest.RequestFault {
			return connecttest.On("", "").Late(c, 20*time.Second)
		},
	} {
		for _, form := range []Form{Consolidate, Split} {
			t.Run(fmt.Sprintf("%s/%s", form, name), func(t *testing.T) {
				t.Parallel()
				for at, done := 1, false; !done; at += every {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, true)
						request := w.begin(form)
						var total atomic.Int64
						both := func() {
							w.global.Intercept(faulty(at, fault(w.global), &total))
							w.europe.Intercept(faulty(at, fault(w.europe), &total))
						}
						both()
						result := w.regroup(request())
						undone := total.Load() < int64(at)
						w.global.Intercept(nil)
						w.europe.Intercept(nil)
						w.pass(2 * time.Minute)
						if result.Outcome == event.RunningTwice {
							t.Errorf("%s", result.Message)
						}
						w.asAdvised(w.global, w.europe)
						w.expect(w.regroup(request()), event.Moved, event.Unchanged)
						w.exact()
						total.Store(0)
						both()
						result = w.undo(request())
						done = undone && total.Load() < int64(at)
						w.global.Intercept(nil)
						w.europe.Intercept(nil)
						w.pass(2 * time.Minute)
						if result.Outcome == event.RunningTwice {
							t.Errorf("%s", result.Message)
						}
						w.asAdvised(w.europe, w.global)
						w.expect(w.undo(request()), event.RolledBack, event.PutBack, event.Unchanged)
						w.exact()
					})
					if t.Failed() {
						t.Fatalf("with a fault of request %d", at)
					}
				}
			})
		}
	}
}

// asAdvised does what the refusal of the next command says, of requests that came late: it stops
// what a pause has left PAUSED on the side that rests, and takes a mark off what runs on the other.
func (w *world) asAdvised(rests, runs *connecttest.Cluster) {
	w.t.Helper()
	for _, name := range []string{"a", "abc", "b", "c"} {
		if status, err := rests.Client().Status(w.t.Context(), name); err == nil && status.Connector.State == connect.Paused {
			if err := rests.Client().Stop(w.t.Context(), name); err != nil {
				w.t.Fatal(err)
			}
		}
		status, err := runs.Client().Status(w.t.Context(), name)
		if err != nil || status.Connector.State != connect.Running {
			continue
		}
		settings, err := runs.Client().Config(w.t.Context(), name)
		if err == nil && config.IsPreliminary(settings) {
			err = runs.Client().PutConfig(w.t.Context(), name, config.WithoutMarks(settings))
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.pass(time.Minute)
}

// TestLatePause has a pause come late, after the stop that followed it: it starts nothing, so what
// was started is not stopped for it, and its older offsets do not count.
func TestLatePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.expect(w.regroup(w.consolidate()), event.Moved)
		w.pass(time.Minute)
		w.europe.Intercept(connecttest.Faults(connecttest.On("PUT", "/pause").Times(1).Late(w.europe, 300*time.Millisecond)))
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.at(w.europe, "abc=PAUSED")
		w.exact()
		for _, name := range []string{"a", "b", "c"} { // as after a power cut
			if err := w.global.Client().Stop(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		w.pass(time.Minute)
		if again := w.undo(w.consolidate()); again.Outcome == event.RolledBack {
			t.Errorf("taken back once more: %s", again.Message)
		}
		for _, name := range []string{"a", "b", "c"} {
			if err := w.global.Client().Resume(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		w.exact()
	})
}

// begin lets what is to be regrouped run.
func (w *world) begin(form Form) func() Request {
	w.t.Helper()
	if form == Split {
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		return w.split
	}
	w.run("a", "b", "c")
	return w.consolidate
}

// TestMeddled has somebody do something to one of the connectors at many moments of a regrouping
// and of its undo. Nothing is lost nor sent twice but by those who start what ferry stopped.
func TestMeddled(t *testing.T) {
	every := 41
	if *all {
		every = 1
	}
	again := func(c *connecttest.Cluster, ctx context.Context, name string) {
		if now, err := c.Client().Config(ctx, name); err == nil {
			_ = c.Client().PutConfig(ctx, name, now.With("batch.size", rawjson.String("77")))
		}
	}
	for name, meddle := range map[string]func(w *world, ctx context.Context, origin, target string){
		"pauses of the origin's":  func(w *world, ctx context.Context, origin, _ string) { _ = w.global.Client().Pause(ctx, origin) },
		"stops of the origin's":   func(w *world, ctx context.Context, origin, _ string) { _ = w.global.Client().Stop(ctx, origin) },
		"resumes of the target's": func(w *world, ctx context.Context, _, target string) { _ = w.europe.Client().Resume(ctx, target) },
		"stops of the target's":   func(w *world, ctx context.Context, _, target string) { _ = w.europe.Client().Stop(ctx, target) },
		"puts the origin's":       func(w *world, ctx context.Context, origin, _ string) { again(w.global, ctx, origin) },
		"puts the target's":       func(w *world, ctx context.Context, _, target string) { again(w.europe, ctx, target) },
	} {
		for _, form := range []Form{Consolidate, Split} {
			t.Run(fmt.Sprintf("%s/%s", form, name), func(t *testing.T) {
				t.Parallel()
				origin, target := "b", "abc"
				if form == Split {
					origin, target = target, origin
				}
				for at, done := 1, false; !done; at += every {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, true)
						request := w.begin(form)
						w.line.Cut(at, false)
						w.line.OnCut = func() { meddle(w, context.WithoutCancel(t.Context()), origin, target) }
						result := w.regroup(request())
						done = w.line.Sent < at
						w.line.Cut(0, false)
						w.pass(time.Minute)
						if count := w.kafka.Count(topic); count.Duplicated != 0 && !strings.Contains(name, "resumes") || count.Missing != 0 {
							t.Errorf("%s: %s: %+v", result.Outcome, result.Message, count)
						}
						t.Logf("%d: %s: %s", at, result.Outcome, result.Message)
					})
					if t.Failed() {
						t.Fatalf("when meddled with at request %d", at)
					}
				}
			})
		}
	}
}

// TestWorkers regroups on workers and connectors of other kinds.
func TestWorkers(t *testing.T) {
	for name, test := range map[string]struct {
		options []connecttest.Option
		change  func(rawjson.Object) rawjson.Object
		list    family.List
	}{
		"3.6":          {options: []connecttest.Option{connecttest.WithVersion("3.6.2")}},
		"3.7":          {options: []connecttest.Option{connecttest.WithVersion("3.7.1")}},
		"exactly-once": {options: []connecttest.Option{connecttest.WithExactlyOnce()}},
		"a follower":   {options: []connecttest.Option{connecttest.WithWorkers(2), connecttest.WithLag(1, 900*time.Millisecond)}},
		"ordered maps": {
			change: func(o rawjson.Object) rawjson.Object { return o.With("key.order", rawjson.String("linked")) },
			list:   family.List{Setting: "streams", Field: "database", Form: family.Names},
		},
	} {
		for _, form := range []Form{Consolidate, Split} {
			t.Run(fmt.Sprintf("%s/%s", form, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, true, test.options...)
					names := []string{"a", "b", "c"}
					request := w.consolidate
					if form == Split {
						names, request = []string{"a,b,c"}, w.split
					}
					for _, listed := range names {
						settings := source(listed)
						if test.change != nil {
							settings = test.change(settings)
						}
						w.create(strings.ReplaceAll(listed, ",", ""), settings)
					}
					w.pass(70 * time.Second)
					asked := func() Request {
						r := request()
						if test.list.Setting != "" {
							r.List = test.list
						}
						return r
					}
					for range 2 {
						moved := w.regroup(asked())
						w.expect(moved, event.Moved)
						w.exact()
						w.expect(w.undo(asked()), event.RolledBack)
						w.exact()
					}
				})
			})
		}
	}
}
