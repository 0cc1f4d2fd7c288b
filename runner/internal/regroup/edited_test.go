package regroup

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func (w *world) put(c *connecttest.Cluster, name string, settings rawjson.Object) {
	w.t.Helper()
	if err := c.Client().PutConfig(w.t.Context(), name, settings); err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Minute)
}

// TestRolledBackAfterItWasEdited takes a stream out of what a consolidation made. Its part goes
// on after a rollback from where the stream ended, not from where it was consolidated, and not
// from its beginning.
func TestRolledBackAfterItWasEdited(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.run("a", "b", "c")
		w.expect(w.regroup(w.consolidate()), event.Moved)
		w.pass(2 * time.Minute)
		w.put(w.europe, "abc", source("a,c"))
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.exact()
	})
}

// TestPartDeleted deletes a part that a split made. What it has read meanwhile is only in its
// offsets, so the split is not taken back without it.
func TestPartDeleted(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		w.expect(w.regroup(w.split()), event.Moved)
		w.pass(2 * time.Minute)
		if err := w.europe.Client().Delete(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		refused := w.undo(w.split())
		w.expect(refused, event.Refused)
		t.Log(refused.Message)
		w.at(w.europe, "a=RUNNING c=RUNNING")
		w.at(w.global, "abc=STOPPED")
		// With its offsets, by a connector of its name, it goes.
		if err := w.europe.Client().Create(t.Context(), "b", source("b"), "STOPPED"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(w.undo(w.split()), event.RolledBack)
		w.exact()
	})
}

// TestStoppedAfterAnAbandonedRollback stops what was consolidated, after a rollback of it was
// killed and the consolidation run again: what the killed one left does not start it.
func TestStoppedAfterAnAbandonedRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.expect(w.regroup(w.consolidate()), event.Moved)
		for at, done := 1, false; !done; at += 5 {
			w.line.Cut(at, false)
			w.undo(w.consolidate())
			done = w.line.Sent < at
			w.line.Cut(0, false)
			w.expect(w.regroup(w.consolidate()), event.Moved, event.Unchanged)
			if err := w.europe.Client().Stop(t.Context(), "abc"); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
			w.expect(w.regroup(w.consolidate()), event.Refused)
			w.at(w.europe, "abc=STOPPED")
			if err := w.europe.Client().Resume(t.Context(), "abc"); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
			if t.Failed() {
				t.Fatalf("when killed at request %d", at)
			}
		}
	})
}

// TestFailedRollbackOfWhatWasStopped has a rollback fail of what its team had stopped: it stays
// stopped.
func TestFailedRollbackOfWhatWasStopped(t *testing.T) {
	for _, stopped := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.run("a", "b", "c")
			w.expect(w.regroup(w.consolidate()), event.Moved)
			ask, want := w.europe.Client().Pause, "abc=PAUSED"
			if stopped {
				ask, want = w.europe.Client().Stop, "abc=STOPPED"
			}
			if err := ask(t.Context(), "abc"); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Minute)
			// Before the offsets are written:
			w.global.Intercept(connecttest.Faults(connecttest.On("PATCH", "/offsets").Conflict()))
			failed := w.undo(w.consolidate())
			w.expect(failed, event.Failed)
			t.Log(failed.Message)
			w.pass(time.Minute)
			w.at(w.europe, want)
			w.at(w.global, "a=STOPPED b=STOPPED c=STOPPED")
			w.global.Intercept(nil)
			w.expect(w.undo(w.consolidate()), event.RolledBack)
			w.exact()
		})
	}
}

// TestForeignConnector has a stopped connector on the target that is of somebody else: a
// rollback of nothing neither marks it, nor starts a part that its team stopped.
func TestForeignConnector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		foreign := source("z")
		if err := w.europe.Client().Create(t.Context(), "abc", foreign, "STOPPED"); err != nil {
			t.Fatal(err)
		}
		if err := w.global.Client().Stop(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(w.undo(w.consolidate()), event.Unchanged, event.Refused)
		w.at(w.global, "a=RUNNING b=STOPPED c=RUNNING")
		overwriting := w.consolidate()
		overwriting.Overwrite = true
		w.expect(w.regroup(overwriting), event.Refused)
		w.at(w.global, "a=RUNNING b=STOPPED c=RUNNING")
		now, err := w.europe.Client().Config(t.Context(), "abc")
		if err != nil || now.Text("streams") != "z" || now.Text("ferry.keep.state") != "" {
			t.Errorf("%s, %v", now.Value(), err)
		}
	})
}
