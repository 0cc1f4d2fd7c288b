package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestNothingAlarming: before a move, with a prepared copy, and after it.
func TestNothingAlarming(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		w.found(w.watcher(), "")
		if result := w.mover().Prepare(w.Context(), w.request()); result.Outcome != event.Prepared {
			w.Fatal(result.Message)
		}
		w.pass(2 * time.Minute)
		w.found(w.watcher(), "")
		if result := w.mover().Move(w.Context(), w.request()); result.Outcome != event.Moved {
			w.Fatal(result.Message)
		}
		w.found(w.watcher(), "")
		w.pass(2 * time.Minute)
		if report := w.look(w.watcher()); report.Summary() != "1 looked at, nothing alarming" {
			w.Error(report.Summary())
		}
	})
}

// TestOriginResumed resumes the origin of a moved connector: the one that is behind is named, and
// only with the policy stop is it stopped. What it is told of it comes from two looks.
func TestOriginResumed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		w.check(w.global.Client().Resume(w.Context(), orders))
		w.pass(20 * time.Second)
		result := w.found(w.watcher(), event.RunningTwice, OriginResumed)
		w.says(result.Findings[0], "the one on global is behind the one on europe")
		w.states(connect.Running, connect.Running)
		if result.Changed || !strings.Contains(result.Instructions, "/connectors/orders/stop") {
			w.Errorf("%+v", result)
		}
		stopping := w.watcher()
		stopping.Stop = w.stopper().StopOrigin
		if result = w.found(stopping, event.RunningTwice, OriginResumed); !result.Changed || !strings.Contains(result.Message, "the one on global was stopped") {
			w.Errorf("%+v", result)
		}
		w.states(connect.Stopped, connect.Running)
		w.found(w.watcher(), "")
	})
}

// TestMovedOn has a connector that was moved on to a third cluster. It is not half moved between the first two, as far as the
// third is known; once it stands still there too, it is.
func TestMovedOn(t *testing.T) {
	inWorld(t, func(w *world) {
		asia := w.cluster("asia")
		w.moved(source())
		on := w.request()
		on.Origin, on.Target = on.Target, w.side(asia)
		if result := w.mover().Move(w.Context(), on); result.Outcome != event.Moved {
			w.Fatal(result.Message)
		}
		w.pass(5 * time.Minute)
		w.found(w.watcher(), event.Down, HalfMoved)
		watcher, mover := w.watcher(), w.mover()
		mover.Others = func() []*cluster.Cluster { return []*cluster.Cluster{on.Target} }
		watcher.MovedOn = mover.MovedOn
		w.found(watcher, "")
		w.check(asia.Client().Stop(w.Context(), orders))
		w.pass(time.Minute)
		w.found(watcher, event.Down, HalfMoved)
	})
}

// TestCreatedAgain has an origin's copy that an acceptance has removed: running, it is told as the
// wrong one; at rest, it is told as well.
func TestCreatedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		watcher := w.watcher()
		watcher.Removed = func(pair.Request) (time.Time, error) { return time.Now().Add(-time.Hour), nil }
		w.says(w.found(watcher, event.Observed, OriginCreatedAgain).Findings[0], "and is there again (STOPPED)")
		w.check(w.global.Client().Resume(w.Context(), orders))
		w.pass(20 * time.Second)
		w.says(w.found(watcher, event.RunningTwice, OriginCreatedAgain).Findings[0], "something has created it again")
	})
}

// TestNotToldWhich has two that run, of which none is shown to be wrong: neither is stopped.
func TestNotToldWhich(t *testing.T) {
	for name, prepare := range map[string]func(w *world){
		"the target is behind": func(w *world) {
			w.create(w.global, source(), connect.Running)
			w.pass(time.Hour)
			w.create(w.europe, source(), connect.Running)
		},
		"other partitions": func(w *world) {
			w.create(w.global, source(), connect.Running)
			w.create(w.europe, source().With("stream.prefix", rawjson.String("x")), connect.Running)
		},
		"other settings": func(w *world) {
			w.moved(source())
			w.check(w.europe.Client().PutConfig(w.Context(), orders, source().With("database.host", rawjson.String("other"))))
			w.pass(time.Minute)
			w.check(w.global.Client().Resume(w.Context(), orders))
			w.pass(20 * time.Second)
		},
		"ahead in some, behind in another": func(w *world) {
			w.moved(source())
			one := rawjson.Object{}.With("n", rawjson.Int(1)).Value()
			w.global.PutOffset(orders, rawjson.Object{}.With("stream", rawjson.String("only-here")).Value(), one)
			w.check(w.global.Client().Resume(w.Context(), orders))
			w.pass(20 * time.Second)
		},
		"a copy with a mark": func(w *world) {
			w.moved(source())
			w.check(w.europe.Client().PutConfig(w.Context(), orders, config.WithKeepState(source(), config.Idle)))
			w.check(w.global.Client().Resume(w.Context(), orders))
			w.pass(20 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				prepare(w)
				watcher := w.watcher()
				watcher.Stop = w.stopper().StopOrigin
				w.says(w.found(watcher, event.RunningTwice, RunningTwice).Findings[0], "is not known")
				w.states(connect.Running, connect.Running)
				w.refuses("which of the two is wrong cannot be told")
			})
		})
	}
}

// TestTargetStartedLast has a target that is ahead and was started after the origin. Where Kafka
// tells that, nobody knows which of the two is wrong.
func TestTargetStartedLast(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		w.check(w.europe.Client().Stop(w.Context(), orders))
		w.check(w.global.Client().Resume(w.Context(), orders))
		w.pass(20 * time.Second)
		w.check(w.europe.Client().Resume(w.Context(), orders))
		w.pass(20 * time.Second)
		want := map[bool]string{true: RunningTwice, false: OriginResumed}
		w.found(w.watcher(), event.RunningTwice, want[w.kafka])
	})
}

// TestSharedOffsetsTellNothing has a sink that runs twice in one group: it is reported only.
func TestSharedOffsetsTellNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, connecttest.SinkConfig("numbers", "copied"), connect.Running)
		w.create(w.europe, connecttest.SinkConfig("numbers", "copied"), connect.Running)
		w.found(w.watcher(), event.RunningTwice, RunningTwice)
		w.refuses("both keep their offsets in one place")
	})
}

// TestEqualOffsetsTellNothing resumes the origin before the copy has committed anything.
func TestEqualOffsetsTellNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		if result := w.mover().Move(w.Context(), w.request()); result.Outcome != event.Moved {
			w.Fatal(result.Message)
		}
		w.check(w.global.Client().Resume(w.Context(), orders))
		w.pass(time.Second)
		w.refuses("is not ahead in its offsets")
	})
}

// TestHalfMoved leaves a connector as a run that was killed does. One that is gone on with between
// the two looks is not told.
func TestHalfMoved(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		w.check(w.europe.Client().Create(w.Context(), orders, source(), connect.Stopped))
		w.check(w.global.Client().Stop(w.Context(), orders))
		w.pass(10 * time.Second)
		result := w.found(w.watcher(), event.Down, HalfMoved)
		w.says(result.Findings[0], "it runs on neither cluster")
		if !strings.Contains(result.Instructions, "`ferry move --origin global --target europe --connector orders` goes on,") || result.Findings[0].Unfinished != event.UnfinishedMove {
			w.Errorf("%+v", result)
		}
		w.during(3*time.Second, func(ctx context.Context) error { return w.global.Client().Resume(ctx, orders) })
		w.found(w.watcher(), "")
	})
}

// TestKilledWhilePausing leaves a connector that a killed run has paused and not stopped yet. One
// that its owner paused is none of the watch's business, with a copy that waits or without.
func TestKilledWhilePausing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		w.check(w.global.Client().Pause(w.Context(), orders))
		w.pass(10 * time.Second)
		w.found(w.watcher(), "")
		w.check(w.europe.Client().Create(w.Context(), orders, config.WithKeepState(source(), connect.Paused), connect.Stopped))
		w.pass(10 * time.Second)
		w.found(w.watcher(), "")
		w.check(w.europe.Client().Delete(w.Context(), orders))
		w.check(w.europe.Client().Create(w.Context(), orders, source(), connect.Stopped))
		w.pass(10 * time.Second)
		result := w.found(w.watcher(), event.Down, HalfMoved)
		w.says(result.Findings[0], "it is paused on global, and does not run on europe")
		if result := w.mover().Move(w.Context(), w.request()); result.Outcome != event.Moved {
			w.Error(result.Message)
		}
		w.found(w.watcher(), "")
	})
}

// TestHalfMovedWithSettings leaves a move that had settings of its own: what goes on with it is
// told to need them, and is refused without.
func TestHalfMovedWithSettings(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		w.check(w.europe.Client().Create(w.Context(), orders, source().With("batch.size", rawjson.String("20")), connect.Stopped))
		w.check(w.global.Client().Stop(w.Context(), orders))
		w.pass(10 * time.Second)
		result := w.found(w.watcher(), event.Down, HalfMoved)
		if !strings.Contains(result.Instructions, "goes on with the --set and --unset that it had (its copy differs in batch.size), and") {
			w.Error(result.Instructions)
		}
		if result := w.mover().Move(w.Context(), w.request()); result.Outcome != event.Refused || result.Changed {
			w.Errorf("%+v", result)
		}
		w.states(connect.Stopped, connect.Stopped)
		if result := w.mover().Rollback(w.Context(), w.request()); result.Outcome != event.PutBack {
			w.Errorf("%+v", result)
		}
		w.states(connect.Running, connect.Stopped)
	})
}

// TestHalfRolledBack leaves a rollback as a run that was killed does.
func TestHalfRolledBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		w.check(w.global.Client().PatchConfig(w.Context(), orders, config.ChangeBack(connect.Running)))
		w.check(w.europe.Client().Stop(w.Context(), orders))
		w.pass(10 * time.Second)
		result := w.found(w.watcher(), event.Down, HalfMoved)
		if result.Findings[0].Unfinished != event.UnfinishedRollback || !strings.Contains(result.Instructions, "run `ferry rollback --origin global --target europe --connector orders` again") {
			w.Errorf("%+v", result)
		}
		if result := w.mover().Rollback(w.Context(), w.request()); result.Outcome != event.RolledBack {
			w.Error(result.Message)
		}
		w.found(w.watcher(), "")
	})
}

// TestFellBehind lets the origin run again while the copy, which went further, rests.
func TestFellBehind(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		w.check(w.europe.Client().Stop(w.Context(), orders))
		w.check(w.global.Client().Resume(w.Context(), orders))
		w.pass(20 * time.Second)
		w.says(w.found(w.watcher(), event.Observed, FellBehind).Findings[0], "it runs on global behind the last offsets of its copy at rest on europe")
		result := w.stopper().StopOrigin(w.Context(), w.request())
		if result.Outcome != event.Refused || !strings.Contains(result.Message, "does not run on both clusters any more") {
			w.Errorf("%+v", result)
		}
		w.states(connect.Running, connect.Stopped) // the only one that runs
	})
}

// TestGroupExpires has a stopped sink. Without its Kafka nobody knows until when.
func TestGroupExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, connecttest.SinkConfig("numbers", "copied"), connect.Running)
		w.found(w.watcher(), "")
		w.check(w.global.Client().Stop(w.Context(), orders))
		w.pass(time.Minute)
		until := "when is not known: "
		if w.kafka {
			until = "are kept until " + time.Now().Add(7*24*time.Hour-time.Minute).UTC().Format("2006-01-02T15:04")
		}
		w.says(w.found(w.watcher(), event.Observed, GroupExpires).Findings[0], until)
		if w.kafka {
			w.pass(8 * 24 * time.Hour)
			w.says(w.found(w.watcher(), event.Observed, GroupExpires).Findings[0], "are gone, or go at any moment")
		}
	})
}

// TestMovedToAnotherGroup: the group that a moved sink has left is empty, and nobody needs it.
func TestMovedToAnotherGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, connecttest.SinkConfig("numbers", "copied"), connect.Running)
		w.check(w.global.Client().Stop(w.Context(), orders))
		w.create(w.europe, connecttest.SinkConfig("numbers", "copied").With(config.GroupOverride, rawjson.String("own")), connect.Running)
		w.found(w.watcher(), "")
	})
}

// TestGroupMembers has a second consumer in the group of a sink.
func TestGroupMembers(t *testing.T) {
	inWorld(t, func(w *world) {
		sink := connecttest.SinkConfig("numbers", "copied")
		w.create(w.global, sink, connect.Running)
		other := sink.With(config.GroupOverride, rawjson.String("connect-"+orders))
		w.check(w.europe.Client().Create(w.Context(), "other", other, connect.Running))
		w.pass(70 * time.Second)
		if !w.kafka {
			w.found(w.watcher(), "")
			return
		}
		watcher := w.watcher()
		watcher.Compare.Only = []string{orders}
		result := w.found(watcher, event.Observed, GroupMembers)
		if !strings.Contains(result.Findings[0].Means, "connect-orders on global has 2 members, and it has 1 task") {
			w.Error(result.Findings[0].Means)
		}
	})
}

// TestOnlyChangesAreTold watches for a while in which a task fails and is mended: one note when it
// comes, one when it goes.
func TestOnlyChangesAreTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create(w.global, source(), connect.Running)
		w.during(time.Minute, func(context.Context) error { w.global.FailTask(orders, 0, "login refused"); return nil })
		w.during(5*time.Minute, func(ctx context.Context) error { return w.global.Client().RestartTask(ctx, orders, 0) })
		watcher := w.watcher()
		watcher.Every, watcher.For = 30*time.Second, 10*time.Minute
		if report := w.look(watcher); len(report.Connectors) != 0 {
			w.Errorf("%+v", report)
		}
		if len(w.notes) != 2 || !strings.HasPrefix(w.notes[0], "WARN down: ") || w.notes[1] != "INFO down is over" {
			w.Errorf("%q", []string(w.notes))
		}
	})
}

// TestStoppedStaysInTheReport: what an earlier look stopped is told at the end of the watch.
func TestStoppedStaysInTheReport(t *testing.T) {
	inWorld(t, func(w *world) {
		w.moved(source())
		w.during(time.Minute, func(ctx context.Context) error { return w.global.Client().Resume(ctx, orders) })
		watcher := w.watcher()
		watcher.Every, watcher.For, watcher.Stop = 30*time.Second, 10*time.Minute, w.stopper().StopOrigin
		report := w.look(watcher)
		w.states(connect.Stopped, connect.Running)
		if len(report.Connectors) != 1 || !report.Connectors[0].Changed || report.Connectors[0].Outcome != event.RunningTwice {
			w.Errorf("%+v", report)
		}
		if !slices.Contains(w.notes, "INFO "+OriginResumed+" is over") {
			w.Errorf("%q", []string(w.notes))
		}
	})
}

// TestStoppedAndFoundAgain: what the last look finds about a connector does not hide that an
// earlier one stopped it, however often.
func TestStoppedAndFoundAgain(t *testing.T) {
	stopped := event.ConnectorResult{Connector: orders, Outcome: event.RunningTwice, Changed: true, Message: "stopped", Findings: []event.Finding{{Code: OriginResumed, Do: "a"}}}
	last := event.ConnectorResult{Connector: orders, Outcome: event.Observed, Message: "moved", Findings: []event.Finding{{Code: FellBehind, Do: "b"}}}
	report := withStopped(Report{Connectors: []event.ConnectorResult{last}, Looked: 1}, []event.ConnectorResult{stopped, stopped})
	got := report.Connectors[0]
	if len(report.Connectors) != 1 || got.Outcome != event.RunningTwice || !got.Changed || got.Message != "stopped; now moved" || got.Instructions != "a; b" {
		t.Errorf("%+v", report)
	}
	if report.Summary() != "1 looked at, alarming: 1 fell_behind, 1 origin_resumed" {
		t.Error(report.Summary())
	}
}
