package regroup

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestStartedTooEarly has somebody start, after a kill, what does not have its final offsets yet:
// no command goes on from there, whichever side it is.
func TestStartedTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		for at := 1; ; at++ { // until the origin's is stopped and the target's are still marked
			w.line.Cut(at, false)
			w.regroup(w.split())
			w.line.Cut(0, false)
			w.pass(time.Minute)
			status, err := w.global.Client().Status(t.Context(), "abc")
			if err != nil {
				t.Fatal(err)
			}
			if status.Connector.State == "STOPPED" {
				break
			}
		}
		if err := w.europe.Client().Resume(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		for _, got := range []event.ConnectorResult{w.regroup(w.split()), w.undo(w.split()), regrouper().Check(t.Context(), w.split())} {
			w.expect(got, event.Refused)
			if !strings.Contains(got.Message, "was started before") {
				t.Error(got.Message)
			}
		}
		w.at(w.global, "abc=STOPPED")
		w.at(w.europe, "a=STOPPED b=RUNNING c=STOPPED")
	})
}

// TestReconcilerIsRefused has somebody resume a part at the moment when the one is prepared: they
// may do so again once it is stopped. None of the parts is paused.
func TestReconcilerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		var paused atomic.Int64
		w.global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/pause") || strings.HasSuffix(r.URL.Path, "/stop") {
				paused.Add(1)
			}
			next.ServeHTTP(rw, r)
		})
		w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost {
				_ = w.global.Client().Resume(context.WithoutCancel(t.Context()), "b")
			}
			next.ServeHTTP(rw, r)
		})
		w.expect(w.regroup(w.consolidate()), event.Refused)
		if paused.Load() != 0 {
			t.Errorf("%d were paused", paused.Load())
		}
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.at(w.europe, "")
		w.exact()
	})
}

// TestReadNoMore leaves out a stream of which nothing was committed, so that only the tasks tell
// that it was read: all is taken back.
func TestReadNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.create("c", source("c").With("max.records", rawjson.String("0")))
		w.run("a", "b")
		request := w.consolidate()
		request.List.Assigned = "task.stream"
		request.Set = map[string]string{"streams": "a,b", "max.records": "-1"}
		rolled := w.regroup(request)
		w.expect(rolled, event.RolledBack)
		if !strings.Contains(rolled.Message, "read no more: c") {
			t.Error(rolled.Message)
		}
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.pass(time.Minute)
		if count := w.kafka.Count(topic); count.Missing != 0 || count.Duplicated != 0 {
			t.Errorf("%+v", count)
		}
	})
}

// TestDeletedWhileItIsMarked deletes the one that is to rest at moments about the patch of its mark.
// At one of them the patch brings it back, running: it is stopped, and that is said.
func TestDeletedWhileItIsMarked(t *testing.T) {
	cameBack := false
	for after := range 12 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.run("a", "b", "c")
			w.expect(w.regroup(w.consolidate()), event.Moved)
			w.pass(time.Minute)
			w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/config") {
					go func() {
						w.pass(time.Duration(after) * time.Millisecond)
						_ = w.europe.Client().Delete(context.WithoutCancel(t.Context()), "abc")
					}()
				}
				next.ServeHTTP(rw, r)
			})
			got := w.undo(w.consolidate())
			w.europe.Intercept(nil)
			w.expect(got, event.RolledBack, event.RunningTwice)
			w.pass(time.Minute)
			status, err := w.europe.Client().Status(t.Context(), "abc")
			if err == nil && status.Connector.State != connect.Stopped {
				t.Errorf("abc is %s: %s", status.Connector.State, got.Message)
			}
			if got.Outcome == event.RunningTwice {
				cameBack = cameBack || strings.Contains(got.Message, "came back running")
			}
			w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		})
	}
	if !cameBack {
		t.Error("at no moment did the patch bring it back")
	}
}

// TestTasksUnknown cannot see what the tasks of a part read after its start: that is no reason to
// take anything back.
func TestTasksUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		var started atomic.Bool
		w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			started.Store(started.Load() || strings.HasSuffix(r.URL.Path, "/b/resume"))
			if started.Load() && strings.HasSuffix(r.URL.Path, "/b/tasks") {
				http.Error(rw, `{"error_code":500,"message":"no"}`, http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(rw, r)
		})
		request := w.split()
		request.List.Assigned = "task.stream"
		w.expect(w.regroup(request), event.Moved)
		w.at(w.europe, "a=RUNNING b=RUNNING c=RUNNING")
		w.exact()
	})
}

// TestNotAllowed ends a regrouping right before its cut: nothing was paused.
func TestNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		grouper := regrouper()
		grouper.BeforeCut = func(string) error { return &proof.NotAllowedError{Reason: "the gate is closed"} }
		got := grouper.Regroup(t.Context(), w.consolidate())
		w.expect(got, event.NotBegun)
		if !strings.Contains(got.Message, "the gate is closed") || got.DowntimeMS != nil {
			t.Errorf("%+v", got)
		}
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.exact()
	})
}

// TestStoppedPart has a team stop one of several that a split made, and the split run again: what
// it stopped is not started.
func TestStoppedPart(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		w.expect(w.regroup(w.split()), event.Moved)
		w.pass(time.Minute)
		if err := w.europe.Client().Stop(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(w.regroup(w.split()), event.Refused)
		w.at(w.europe, "a=RUNNING b=STOPPED c=RUNNING")
		w.expect(w.undo(w.split()), event.RolledBack)
		w.exact()
	})
}

// TestOthersOffsetsStay takes a prepared connector back that had a namesake: what the namesake left
// behind, of what it listed and of other things, is there again.
func TestOthersOffsetsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		if err := w.europe.Client().Create(t.Context(), "abc", source("a,z"), "RUNNING"); err != nil {
			t.Fatal(err)
		}
		w.pass(70 * time.Second)
		if err := w.europe.Client().Stop(t.Context(), "abc"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		had, err := w.europe.Client().Offsets(t.Context(), "abc")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.europe.Client().Delete(t.Context(), "abc"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(regrouper().Rehearse(t.Context(), w.consolidate()), event.Rehearsed)
		if err := w.europe.Client().Create(t.Context(), "abc", source("z"), "STOPPED"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		left, err := w.europe.Client().Offsets(t.Context(), "abc")
		if err != nil || left.String() != had.String() {
			t.Errorf("%s, want %s, %v", left, had, err)
		}
	})
}

// TestPausedWithoutProgress pauses what was consolidated before it has sent anything: it is done
// all the same, and is taken back.
func TestPausedWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		for _, name := range []string{"a", "b", "c"} {
			w.create(name, source(name).With("max.records", rawjson.String("20")))
		}
		w.pass(70 * time.Second)
		w.expect(w.regroup(w.consolidate()), event.Moved)
		if err := w.europe.Client().Pause(t.Context(), "abc"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(w.regroup(w.consolidate()), event.Unchanged)
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.at(w.europe, "abc=STOPPED")
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
	})
}
