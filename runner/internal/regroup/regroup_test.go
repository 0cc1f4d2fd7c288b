package regroup

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// inWorlds runs a test once with access to Kafka and once without.
func inWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, hard := range map[string]bool{"hard": true, "timed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, hard)) })
		})
	}
}

// TestConsolidateAndUndo makes one of three and takes it back, with the progress that was made.
func TestConsolidateAndUndo(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.run("a", "b", "c")
		w.expect(regrouper().Check(t.Context(), w.consolidate()), event.Ready)
		moved := w.regroup(w.consolidate())
		w.expect(moved, event.Moved)
		if moved.Entries != 3 || moved.DowntimeMS == nil || moved.Proof == nil || moved.Proof.Kind != map[bool]event.ProofKind{true: event.Hard, false: event.Timed}[w.hard] {
			t.Errorf("%+v", moved)
		}
		w.at(w.global, "a=STOPPED b=STOPPED c=STOPPED")
		w.at(w.europe, "abc=RUNNING")
		w.expect(w.regroup(w.consolidate()), event.Unchanged)
		w.exact()
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.at(w.europe, "abc=STOPPED")
		w.expect(w.undo(w.consolidate()), event.Unchanged)
		w.exact()
		w.expect(w.regroup(w.consolidate()), event.Moved) // again, over the offsets of the first time
		w.exact()
	})
}

// TestSplitAndUndo makes three of one and takes it back.
func TestSplitAndUndo(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		w.expect(w.regroup(w.split()), event.Moved)
		w.at(w.global, "abc=STOPPED")
		w.at(w.europe, "a=RUNNING b=RUNNING c=RUNNING")
		w.exact()
		w.expect(w.undo(w.split()), event.RolledBack)
		w.at(w.global, "abc=RUNNING")
		w.at(w.europe, "a=STOPPED b=STOPPED c=STOPPED")
		w.exact()
	})
}

var all = flag.Bool("all", false, "kill at every request, not at every eleventh")

// TestKilledAtEveryRequest kills a consolidation, and its undo, before and after each request,
// and runs the same or the opposite command: it ends where that command says.
func TestKilledAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of regroupings in virtual time take a while")
	}
	first, every := 0, 11
	if *all {
		every = 1
	}
	for _, form := range []Form{Consolidate, Split} {
		for _, opposite := range []bool{false, true} {
			for _, carriedOut := range []bool{false, true} {
				first++
				t.Run(fmt.Sprintf("%s/opposite=%v,carried_out=%v", form, opposite, carriedOut), func(t *testing.T) {
					t.Parallel()
					for at, done := min(first, every), false; !done; at += every {
						synctest.Test(t, func(t *testing.T) { done = killed(t, form, at, opposite, carriedOut) })
						if t.Failed() {
							t.Fatalf("when killed at request %d", at)
						}
					}
				})
			}
		}
	}
}

// killed kills a regrouping and its undo at a request; done says that neither has as many.
func killed(t *testing.T, form Form, at int, opposite, carriedOut bool) (done bool) {
	w := newWorld(t, true)
	request, before, after := w.consolidate, "a=RUNNING b=RUNNING c=RUNNING", "abc=RUNNING"
	if form == Split {
		request, before, after = w.split, after, before
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
	} else {
		w.run("a", "b", "c")
	}
	w.line.Cut(at, carriedOut)
	w.regroup(request())
	done = w.line.Sent < at
	w.line.Cut(0, false)
	if opposite {
		w.expect(w.undo(request()), event.PutBack, event.RolledBack, event.Unchanged)
		w.at(w.global, before)
		w.exact()
	}
	w.expect(w.regroup(request()), event.Moved, event.Unchanged)
	w.at(w.europe, after)
	w.pass(time.Minute)

	w.line.Cut(at, carriedOut)
	w.undo(request())
	done = done && w.line.Sent < at
	w.line.Cut(0, false)
	if opposite {
		w.expect(w.regroup(request()), event.Moved, event.Unchanged)
		w.at(w.europe, after)
		w.exact()
	}
	w.expect(w.undo(request()), event.RolledBack, event.PutBack, event.Unchanged)
	w.at(w.global, before)
	w.exact()
	return done
}

// TestInterrupted interrupts a consolidation at each of its requests: it ends put back or moved.
func TestInterrupted(t *testing.T) {
	for at, done := 1, false; !done; at++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.run("a", "b", "c")
			ctx, cancel := context.WithCancelCause(t.Context())
			w.line.Cut(at, false)
			w.line.OnCut = func() { cancel(event.ErrInterrupted) }
			result := regrouper().Regroup(ctx, w.consolidate())
			done = w.line.Sent < at
			cancel(nil)
			w.expect(result, event.Moved, event.Interrupted)
			if result.Outcome == event.Interrupted {
				w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
				w.at(w.europe, "")
			}
			w.exact()
		})
		if t.Failed() {
			t.Fatalf("when interrupted at request %d", at)
		}
	}
}

// TestOneThatFailsTakesAllBack lets one of three fail where it is started: the others, which run,
// are taken back too, with the progress they made.
func TestOneThatFailsTakesAllBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.create("abc", source("a,b,c"))
		w.pass(70 * time.Second)
		request := w.split()
		request.Set = map[string]string{"fail.on.start": "true"}
		w.expect(w.regroup(request), event.RolledBack)
		w.at(w.global, "abc=RUNNING")
		w.at(w.europe, "a=STOPPED b=STOPPED c=STOPPED")
		w.exact()
		w.expect(w.regroup(w.split()), event.Moved)
		w.exact()
	})
}

// TestSomebodyResumesAPart resumes a part at many moments of a consolidation. Nothing is started
// beside it, and what a run cannot know it does not undo.
func TestSomebodyResumesAPart(t *testing.T) {
	every := 7
	if *all {
		every = 1
	}
	for at, done := 40, false; !done; at += every {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.run("a", "b", "c")
			w.line.Cut(at, false)
			w.line.OnCut = func() { _ = w.global.Client().Resume(context.WithoutCancel(t.Context()), "b") }
			result := w.regroup(w.consolidate())
			done = w.line.Sent < at
			w.line.Cut(0, false)
			w.pass(time.Minute)
			switch result.Outcome {
			case event.Moved, event.RolledBack, event.RunningTwice: // resumed when nothing could see it any more, or seen by the watch
			default:
				w.expect(result, event.Failed, event.Refused, event.NotProven)
				if count := w.kafka.Count(topic); count.Duplicated != 0 || count.Missing != 0 {
					t.Errorf("%s: %+v", result.Message, count)
				}
				w.expect(w.regroup(w.consolidate()), event.Moved, event.Failed)
				w.exact()
			}
		})
		if t.Failed() {
			t.Fatalf("when resumed at request %d", at)
		}
	}
}

// TestStoppedByItsTeam stops what a consolidation started, an hour later: its offsets are the
// latest, and only --undo or a start by hand goes on from there.
func TestStoppedByItsTeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.expect(w.regroup(w.consolidate()), event.Moved)
		w.pass(time.Hour)
		if err := w.europe.Client().Stop(t.Context(), "abc"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		refused := w.regroup(w.consolidate())
		w.expect(refused, event.Refused)
		if !strings.Contains(refused.Message, "has the latest offsets") {
			t.Error(refused.Message)
		}
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.exact()
	})
}

// TestStaleOffsetsStayBehind has an offset of a stream that a part once had and now another has:
// it is not united with the other's.
func TestStaleOffsetsStayBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.create("a", source("a,b"))
		w.pass(70 * time.Second)
		w.create("a", source("a"))
		w.pass(time.Minute)
		// a keeps the offset of b, from where b goes on:
		b := source("b").With("start.sequence", rawjson.Int(w.highest()["b"]+1))
		w.create("b", b)
		w.create("c", source("c"))
		w.pass(70 * time.Second)
		request := w.consolidate()
		request.Unset = []string{"start.sequence"}
		moved := w.regroup(request)
		w.expect(moved, event.Moved)
		if moved.Entries != 3 {
			t.Errorf("%d entries, want those of a, b and c", moved.Entries)
		}
		w.exact()
		w.expect(w.undo(request), event.RolledBack)
		w.exact()
	})
}

// TestRefused holds the reasons against a regrouping, none of which changes anything.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(w *world)
		request func(w *world, r *Request)
		split   bool
		want    string
	}{
		"two list one":   {prepare: func(w *world) { w.create("b", source("a,b")) }, want: "streams of both a and b has a"},
		"another config": {prepare: func(w *world) { w.create("b", source("b").With("rate", rawjson.String("7"))) }, want: "rate differs between a and b"},
		"one is stopped": {prepare: func(w *world) { _ = w.global.Client().Stop(w.t.Context(), "b"); w.pass(time.Minute) }, want: "b is STOPPED on global"},
		"one is gone":    {prepare: func(w *world) { _ = w.global.Client().Delete(w.t.Context(), "b"); w.pass(time.Minute) }, want: `"b" does not exist`},
		"one has failed": {prepare: func(w *world) { w.global.FailTask("b", 0, "no"); w.pass(time.Second) }, want: "b on global: task 0 FAILED"},
		"one is a sink": {prepare: func(w *world) {
			_ = w.global.Client().Delete(w.t.Context(), "b")
			w.pass(time.Minute)
			w.create("b", connecttest.SinkConfig("b", "copies"))
			w.pass(time.Minute)
		}, want: "is not of the kind of the others"},
		"of nobody": {request: func(_ *world, r *Request) { r.Set = map[string]string{"streams": "a,b"} }, want: "c would be read by none of abc"},
		"two Kafkas": {request: func(w *world, r *Request) {
			r.Target = w.side(connecttest.New(connecttest.WithKafka(connecttest.NewKafka()), connecttest.WithName("europe")))
		}, want: "are on two Kafka clusters"},
		"old workers": {request: func(w *world, r *Request) {
			r.Target = w.side(connecttest.New(connecttest.WithKafka(w.kafka), connecttest.WithName("europe"), connecttest.WithVersion("3.5.2")))
		}, want: "have Kafka 3.5;"},
		"the name is taken": {
			prepare: func(w *world) {
				_ = w.europe.Client().Create(w.t.Context(), "abc", connecttest.SourceConfig("other", 1), "STOPPED")
				w.pass(time.Minute)
			}, want: `name "abc" is taken on europe`,
		},
		"no list known":   {request: func(_ *world, r *Request) { r.List.Setting, r.List.Field = "", "" }, want: "--list SETTING"},
		"half a list":     {request: func(_ *world, r *Request) { r.List.Field = "" }, want: "needs both"},
		"one part":        {request: func(_ *world, r *Request) { r.Parts = r.Parts[:1] }, want: "at least two parts"},
		"a part twice":    {request: func(_ *world, r *Request) { r.Parts[1] = r.Parts[0] }, want: `part "a" is named twice`},
		"named as a part": {request: func(_ *world, r *Request) { r.Whole = "a" }, want: "give the one a name of its own"},
		"no plugin":       {request: func(_ *world, r *Request) { r.Set = map[string]string{"connector.class": "no.Such"} }, want: "lacks the plugin no.Such"},
		"validation":      {request: func(_ *world, r *Request) { r.Set = map[string]string{"refuse.value": "x"} }, want: "refuse.value"},
		"split: for two":  {split: true, request: func(_ *world, r *Request) { r.Parts[1].Items = []string{"b", "a"} }, want: "a is for both a and b"},
		"split: for none": {split: true, request: func(_ *world, r *Request) { r.Parts[1].Items = []string{"x"} }, want: "x is not in streams of abc | b of streams is for no part"},
		"split: nothing":  {split: true, request: func(_ *world, r *Request) { r.Parts[1].Items = nil }, want: `part "b" lists nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				var request Request
				if test.split {
					w.create("abc", source("a,b,c"))
					w.pass(70 * time.Second)
					request = w.split()
				} else {
					w.run("a", "b", "c")
					request = w.consolidate()
				}
				if test.prepare != nil {
					test.prepare(w)
				}
				if test.request != nil {
					test.request(w, &request)
				}
				for _, got := range []event.ConnectorResult{regrouper().Check(t.Context(), request), w.regroup(request)} {
					if got.Outcome != event.Refused || !strings.Contains(got.Message, test.want) || got.Changed {
						t.Errorf("%s, changed %t: %s; want %q", got.Outcome, got.Changed, got.Message, test.want)
					}
				}
			})
		})
	}
}

// TestPrepared makes everything ready and holds. Up to the cut the connectors of the origin are
// their team's: a stop of theirs counts.
func TestPrepared(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.run("a", "b", "c")
		w.expect(regrouper().Rehearse(t.Context(), w.consolidate()), event.Rehearsed)
		w.at(w.europe, "")
		w.expect(regrouper().Prepare(t.Context(), w.consolidate()), event.Prepared)
		w.at(w.europe, "abc=STOPPED")
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
		w.expect(w.undo(w.consolidate()), event.PutBack)
		w.at(w.europe, "")

		w.expect(regrouper().Prepare(t.Context(), w.consolidate()), event.Prepared)
		if err := w.global.Client().Stop(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.expect(w.regroup(w.consolidate()), event.Refused)
		w.at(w.global, "a=RUNNING b=STOPPED c=RUNNING")
		if err := w.global.Client().Resume(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		moved := w.regroup(w.consolidate())
		w.expect(moved, event.Moved)
		w.exact()
		w.expect(w.undo(w.consolidate()), event.RolledBack)
		w.exact()
	})
}

// TestSinks makes one sink of two, with the committed offsets of both in its own group, splits it
// again, and takes that back.
func TestSinks(t *testing.T) {
	inWorlds(t, func(t *testing.T, w *world) {
		w.kafka.Produce("x", 2, 500)
		w.kafka.Produce("y", 1, 500)
		for _, topic := range []string{"x", "y"} {
			w.create("sink-"+topic, connecttest.SinkConfig(topic, "copies"))
		}
		w.pass(time.Second)
		both := Request{
			Form: Consolidate, Origin: w.side(w.global), Target: w.side(w.europe), Whole: "sink", Parts: []Part{{Name: "sink-x"}, {Name: "sink-y"}},
		}
		moved := w.regroup(both)
		w.expect(moved, event.Moved)
		if moved.Entries != 3 {
			t.Errorf("%d entries, want those of three partitions", moved.Entries)
		}
		w.pass(time.Second)
		again := Request{
			Form: Split, Origin: w.side(w.europe), Target: w.side(w.europe), Whole: "sink", Parts: []Part{{"only-x", []string{"x"}}, {"only-y", []string{"y"}}},
		}
		w.expect(w.regroup(again), event.Moved)
		w.pass(time.Second)
		w.expect(w.undo(again), event.RolledBack)
		w.pass(time.Second)
		w.expect(w.undo(both), event.RolledBack)
		w.pass(10 * time.Minute)
		if count := w.kafka.Count("copies"); count.Records != 1500 || count.Missing != 0 || count.Duplicated != 0 {
			t.Errorf("copied %+v, want 1500 records, each once", count)
		}
	})
}
