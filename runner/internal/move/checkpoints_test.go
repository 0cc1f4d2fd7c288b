package move

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// twoKafkas is a world whose clusters are on two Kafkas, see [pairtest.TwoKafkas].
type twoKafkas struct {
	*world
	there  *connecttest.Kafka
	mirror *connecttest.Mirror
	begin  func()
}

const (
	delivered = pairtest.Delivered
	sinkCount = pairtest.SinkGroup
)

func newTwoKafkas(t *testing.T, spec connecttest.MirrorSpec) *twoKafkas {
	t.Helper()
	w := pairtest.NewTwoKafkas(t, spec)
	return &twoKafkas{&world{w.World}, w.There, w.Mirror, w.Begin}
}

// deliveredCount waits until everything is delivered and counts it on both sides.
func (w *twoKafkas) deliveredCount() connecttest.Count {
	w.T.Helper()
	if err := w.Global.Client().Pause(w.T.Context(), "traffic"); err != nil {
		w.T.Fatal(err)
	}
	w.Pass(90 * time.Second)
	count := connecttest.Tally(append(w.Kafka.Records(delivered), w.there.Records(delivered)...))
	made := w.Kafka.Count(topic)
	if got := count.Records - count.Duplicated; got != made.Records || count.Missing != 0 {
		w.T.Errorf("%d of %d records were delivered, %d are missing", got, made.Records, count.Missing)
	}
	for _, a := range w.Kafka.Runs(orders) {
		for _, b := range w.there.Runs(orders) {
			if (a.To.IsZero() || a.To.After(b.From)) && (b.To.IsZero() || b.To.After(a.From)) {
				w.T.Errorf("both copies ran at once: %+v and %+v", a, b)
			}
		}
	}
	return count
}

// TestSinkBetweenKafkas moves a sink through MirrorMaker's checkpoints and back. It
// compares the duplicates with the number that was reported before the start.
func TestSinkBetweenKafkas(t *testing.T) {
	for name, test := range map[string]struct {
		spec    connecttest.MirrorSpec
		counted bool
		again   bool // records are sent again
		prepare func(w *twoKafkas)
	}{
		"prefixed names":             {counted: true},
		"syncs on the target":        {spec: connecttest.MirrorSpec{SyncsOnTarget: true}, counted: true},
		"names are kept":             {spec: connecttest.MirrorSpec{KeepNames: true}, counted: true},
		"group offsets synced":       {spec: connecttest.MirrorSpec{SyncGroups: true}, counted: true},
		"some copied twice":          {spec: connecttest.MirrorSpec{Twice: 20}, counted: true},
		"few syncs":                  {spec: connecttest.MirrorSpec{Interval: 10 * time.Second, Lag: 1000}, counted: true},
		"syncs are gone":             {prepare: func(w *twoKafkas) { w.mirror.Stop(); w.Kafka.ForgetSyncs("central") }},
		"origin's Kafka not known":   {prepare: func(w *twoKafkas) {}},
		"changed on the way":         {spec: connecttest.MirrorSpec{Transforms: true}, counted: true, again: true},
		"syncs of another there too": {counted: true, prepare: func(w *twoKafkas) { w.otherMirror() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwoKafkas(t, test.spec)
				w.begin()
				if test.prepare != nil {
					test.prepare(w)
				}
				request := w.Request()
				if name == "origin's Kafka not known" {
					request.Origin.Kafka.Mirrors = cluster.Part[cluster.Mirrors]{}
				}
				moved := w.mover().Move(t.Context(), request)
				w.Expect(moved, event.Moved, connect.Stopped, connect.Running)
				if moved.Copy != string(offsetstore.ByCheckpoints) || (moved.SentAgain != nil) != test.counted || !strings.Contains(moved.Message, map[bool]string{true: "; aligned: no records are sent again", false: "at least once: "}[test.counted && !test.again]) || moved.Proof.Kind != event.Hard {
					t.Errorf("copy %s, sent again %v: %s", moved.Copy, moved.SentAgain, moved.Message)
				}
				if name == "syncs are gone" {
					return // and MirrorMaker with them
				}
				w.Pass(30 * time.Second)
				back := w.mover().Rollback(t.Context(), request)
				w.Expect(back, event.RolledBack, connect.Running, connect.Stopped)
				if back.Copy != string(offsetstore.ByCheckpoints) || (back.SentAgain != nil) != test.counted {
					t.Errorf("copy %s, sent again %v: %s", back.Copy, back.SentAgain, back.Message)
				}
				count := w.deliveredCount()
				if !test.counted {
					t.Logf("%d duplicated, of %d", count.Duplicated, count.Records)
					return
				}
				said := *moved.SentAgain + *back.SentAgain + 2*test.spec.Twice*2 // what MirrorMaker has copied twice is there twice
				if int64(count.Duplicated) > said {
					t.Errorf("%d duplicated, and %d were said", count.Duplicated, said)
				}
				t.Logf("%d + %d said, %d duplicated, of %d", *moved.SentAgain, *back.SentAgain, count.Duplicated, count.Records)
			})
		})
	}
}

// otherMirror writes the offset syncs of a MirrorMaker to a third Kafka, which has the
// same records at other offsets.
func (w *twoKafkas) otherMirror() {
	third := connecttest.NewKafka()
	other := connecttest.StartMirror(connecttest.MirrorSpec{From: w.Kafka, To: third, Topics: []string{topic}, Alias: "factory", TargetAlias: "asia", Twice: 7})
	w.T.Cleanup(other.Stop)
	w.Pass(15 * time.Second)
}

// TestSinkBetweenKafkasIsRefused says what is missing, and writes nothing.
func TestSinkBetweenKafkasIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spec   connecttest.MirrorSpec
		change func(w *twoKafkas, request *pair.Request)
		want   string
	}{
		"not accepted":       {change: func(_ *twoKafkas, r *pair.Request) { r.AtLeastOnce = false }, want: "accept that with --at-least-once; or, if the topics are the same there"},
		"says how many":      {change: func(_ *twoKafkas, r *pair.Request) { r.AtLeastOnce = false }, want: "factory.checkpoints.internal on europe), so that none is lost and no records are sent again ("},
		"copies that differ": {spec: connecttest.MirrorSpec{Changes: true}, want: "but these are two different records"},
		"the old names":      {change: func(_ *twoKafkas, r *pair.Request) { r.Set = nil }, want: "the copy would not consume factory.numbers, as MirrorMaker names the topics of group connect-orders on europe; say --set topics=factory.numbers"},
		"another pattern": {change: func(_ *twoKafkas, r *pair.Request) {
			r.Set, r.Unset = map[string]string{"topics.regex": "x.*"}, []string{"topics"}
		}, want: "say --unset topics.regex --set topics=factory.numbers"},
		"a pattern of Java's": {change: func(_ *twoKafkas, r *pair.Request) {
			r.Set, r.Unset = map[string]string{"topics.regex": "(?<!x)y"}, []string{"topics"}
		}, want: "ferry cannot tell which topics topics.regex means"},
		"Kafka not named": {change: func(_ *twoKafkas, r *pair.Request) { r.Target.Kafka.Mirrors = cluster.Part[cluster.Mirrors]{} }, want: "say so with --same-log; or have them translated, at least once, through MirrorMaker's checkpoints: name the Kafka of both"},
		"no checkpoint":   {change: func(_ *twoKafkas, r *pair.Request) { mirroredBy(r, connecttest.NewKafka()) }, want: "there is no topic with checkpoints in the Kafka of europe"},
		"another group": {change: func(w *twoKafkas, r *pair.Request) {
			mirroredBy(r, w.checkpointsOf("x", "connect-else", "x.numbers"))
		}, want: "x.checkpoints.internal on europe has no checkpoint for group connect-orders"},
		"names nobody knows": {change: func(w *twoKafkas, r *pair.Request) {
			mirroredBy(r, w.checkpointsOf("x", sinkCount, "y.numbers"))
		}, want: "or for names of a policy that ferry does not know"},
		"its own Kafka":        {change: func(_ *twoKafkas, r *pair.Request) { r.Set["consumer.override.bootstrap.servers"] = "k:9092" }, want: "a Kafka of its own"},
		"target topic is gone": {change: func(w *twoKafkas, _ *pair.Request) { w.mirror.Stop(); w.there.DeleteTopic("factory.numbers") }, want: "there is no factory.numbers-0"},
		"origin topic made anew": {change: func(w *twoKafkas, _ *pair.Request) {
			w.mirror.Stop()
			w.Kafka.DeleteTopic(topic)
			w.Pass(90 * time.Second)
		}, want: "but these are two different records"},
		"two MirrorMakers": {change: func(w *twoKafkas, r *pair.Request) {
			w.there.PutCheckpoint("shop", kafka.Checkpoint{Group: sinkCount, Topic: "shop.numbers", Upstream: 1, Downstream: 1})
			r.Set["topics"] = "shop.numbers,factory.numbers"
		}, want: "several MirrorMakers have checkpoints for group connect-orders on europe (factory.checkpoints.internal, shop.checkpoints.internal)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwoKafkas(t, test.spec)
				w.begin()
				request := w.Request()
				if test.change != nil {
					test.change(w, &request)
				}
				got := w.mover().Move(t.Context(), request)
				w.Expect(got, event.Refused, connect.Running, "")
				if !strings.Contains(got.Message, test.want) || got.Changed {
					t.Errorf("changed %v: %s", got.Changed, got.Message)
				}
			})
		})
	}
}

func (w *twoKafkas) checkpointsOf(alias, group, topic string) *connecttest.Kafka {
	other := connecttest.NewKafka()
	other.PutCheckpoint(alias, kafka.Checkpoint{Group: group, Topic: topic, Upstream: 1, Downstream: 1})
	return other
}

// TestSecondMirrorMakerIsToldByTheTopics has the copy's topics say which is meant.
func TestSecondMirrorMakerIsToldByTheTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{})
		w.begin()
		w.there.PutCheckpoint("shop", kafka.Checkpoint{Group: sinkCount, Topic: "shop.numbers", Upstream: 1, Downstream: 1})
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
	})
}

// TestSinkMovedRecordForRecord moves a sink with --same-log and back: its offsets are
// copied as they are both ways, although MirrorMaker has checkpoints too.
func TestSinkMovedRecordForRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{KeepNames: true})
		w.begin()
		w.SameLog = true
		moved := w.move()
		w.Expect(moved, event.Moved, connect.Stopped, connect.Running)
		w.Pass(30 * time.Second)
		back := w.rollback()
		w.Expect(back, event.RolledBack, connect.Running, connect.Stopped)
		if count := w.deliveredCount(); count.Duplicated != 0 || moved.Copy != "rest" || back.Copy != "rest" || back.SentAgain != nil {
			t.Errorf("%s, %s, %d duplicated", moved.Copy, back.Copy, count.Duplicated)
		}
	})
}

// TestCopyFailsOnTheOtherKafka takes a sink back whose copy fails after its start.
func TestCopyFailsOnTheOtherKafka(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{})
		w.begin()
		w.Europe.FailStarts(orders, "no such database")
		got := w.move()
		w.Expect(got, event.RolledBack, connect.Running, connect.Stopped)
		if count := w.deliveredCount(); got.SentAgain == nil || int64(count.Duplicated) > *got.SentAgain {
			t.Errorf("%d duplicated, said %v", count.Duplicated, got.SentAgain)
		}
	})
}

// TestStopShowsThatNothingCanBeTranslated puts the origin back when its topic was
// recreated between the checks and the stop.
func TestStopShowsThatNothingCanBeTranslated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{})
		w.begin()
		request := w.Request()
		mirrors, err := request.Target.Mirrors()
		if err != nil {
			t.Fatal(err)
		}
		mirroredBy(&request, &laterChanged{MirrorLog: mirrors.Log})
		got := w.mover().Move(t.Context(), request)
		w.Expect(got, event.Failed, connect.Running, "")
		if !strings.Contains(got.Message, "cannot be translated") || !strings.Contains(got.Message, "two different records") {
			t.Errorf("%s", got.Message)
		}
		if count := w.deliveredCount(); count.Duplicated != 0 {
			t.Errorf("%d duplicated", count.Duplicated)
		}
	})
}

// mirroredBy makes log the MirrorLog of the target's Kafka.
func mirroredBy(request *pair.Request, log cluster.MirrorLog) {
	request.Target.Kafka.Mirrors = cluster.Known(cluster.Mirrors{Log: log})
}

// laterChanged returns other records from the second read on.
type laterChanged struct {
	cluster.MirrorLog
	looks int
}

func (l *laterChanged) RecordsAt(ctx context.Context, topic string, at map[int32]int64) (map[int32]kafka.Fingerprint, error) {
	found, err := l.MirrorLog.RecordsAt(ctx, topic, at)
	if l.looks++; l.looks > 1 {
		for partition, print := range found {
			print.Content[0]++
			print.Timestamp++
			found[partition] = print
		}
	}
	return found, err
}

// TestSinkBetweenKafkasKilledAtEveryRequest kills a move and a rollback of a running,
// paused or stopped sink at each request. The next run finishes the work, nothing is
// lost, and no more is sent again than the runs reported.
func TestSinkBetweenKafkasKilledAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	cases := 0
	for _, state := range []connect.State{connect.Running, connect.Paused, connect.Stopped} {
		for _, next := range []string{"move", "rollback"} {
			for _, killed := range []string{"move", "rollback"} {
				for _, answered := range []bool{true, false} {
					if state != connect.Running && !answered {
						continue // what a request that is not carried out leaves behind is as before it
					}
					cases++
					which := cases
					t.Run(fmt.Sprintf("%s/%s then %s/carried_out=%v", state, killed, next, answered), func(t *testing.T) {
						t.Parallel()
						pairtest.AtEveryThirdRequest(t, which, func(t *testing.T, request int) bool { return sinkKilledThen(t, state, killed, next, request, answered) })
					})
				}
			}
		}
	}
}

func sinkKilledThen(t *testing.T, state connect.State, killed, next string, request int, answered bool) (done bool) {
	w := newTwoKafkas(t, connecttest.MirrorSpec{SyncGroups: request%2 == 0})
	w.begin()
	w.rest(w.Global, state)
	do := map[string]func() event.ConnectorResult{"move": w.move, "rollback": w.rollback}
	var said int64
	run := func(command string) event.ConnectorResult {
		result := do[command]()
		if result.SentAgain != nil {
			said += *result.SentAgain
		}
		return result
	}
	done = w.killThen(state, killed, next, 40*time.Second, request, answered, run)
	if count := w.deliveredCount(); int64(count.Duplicated) > said {
		t.Errorf("%d duplicated, %d were said", count.Duplicated, said)
	}
	return done
}
