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
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/reach"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// twoKafkas is a world whose clusters are on two Kafkas, with a MirrorMaker from
// the origin's to the target's, and a sink on the origin.
type twoKafkas struct {
	*world
	there  *connecttest.Kafka
	mirror *connecttest.Mirror
}

const (
	delivered = "delivered"
	sinkCount = "connect-" + orders
)

func newTwoKafkas(t *testing.T, spec connecttest.MirrorSpec) *twoKafkas {
	t.Helper()
	w := &twoKafkas{
		world: &world{t: t, kafka: connecttest.NewKafka(), hard: true, atLeastOnce: true, line: &reach.Line{}, name: orders, set: map[string]string{"topics": "factory." + topic}},
		there: connecttest.NewKafka(),
	}
	if spec.KeepNames {
		w.set = nil
	}
	w.global = connecttest.New(connecttest.WithKafka(w.kafka), connecttest.WithName("global"))
	w.europe = connecttest.New(connecttest.WithKafka(w.there), connecttest.WithName("europe"))
	for _, each := range []*connecttest.Kafka{w.kafka, w.there} {
		each.Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return w.line.Carry(do) })
	}
	t.Cleanup(w.global.Close)
	t.Cleanup(w.europe.Close)
	spec.From, spec.To, spec.Topics, spec.Groups = w.kafka, w.there, []string{topic}, append(spec.Groups, sinkCount)
	spec.Alias, spec.TargetAlias = "factory", "central"
	w.mirror = connecttest.StartMirror(spec)
	t.Cleanup(w.mirror.Stop)
	return w
}

// begin produces, mirrors and delivers records until there are checkpoints.
func (w *twoKafkas) begin() {
	w.t.Helper()
	if err := w.global.Client().PutConfig(w.t.Context(), "traffic", slowSource()); err != nil {
		w.t.Fatal(err)
	}
	w.pass(5 * time.Second)
	w.run(connecttest.SinkConfig(topic, delivered).With("poll.block.ms", rawjson.String("500")).With("batch.size", rawjson.String("50")))
	w.pass(20 * time.Second)
}

// deliveredCount waits until everything is delivered and counts it on both sides.
func (w *twoKafkas) deliveredCount() connecttest.Count {
	w.t.Helper()
	if err := w.global.Client().Pause(w.t.Context(), "traffic"); err != nil {
		w.t.Fatal(err)
	}
	w.pass(90 * time.Second)
	count := connecttest.Tally(append(w.kafka.Records(delivered), w.there.Records(delivered)...))
	made := w.kafka.Count(topic)
	if got := count.Records - count.Duplicated; got != made.Records || count.Missing != 0 {
		w.t.Errorf("%d of %d records were delivered, %d are missing", got, made.Records, count.Missing)
	}
	for _, a := range w.kafka.Runs(orders) {
		for _, b := range w.there.Runs(orders) {
			if (a.To.IsZero() || a.To.After(b.From)) && (b.To.IsZero() || b.To.After(a.From)) {
				w.t.Errorf("both copies ran at once: %+v and %+v", a, b)
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
		"syncs are gone":             {prepare: func(w *twoKafkas) { w.mirror.Stop(); w.kafka.ForgetSyncs("central") }},
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
				request := w.request()
				if name == "origin's Kafka not known" {
					request.Origin.Kafka.Mirrors = cluster.Part[cluster.Mirrors]{}
				}
				moved := w.mover().Move(t.Context(), request)
				w.expect(moved, event.Moved, connect.Stopped, connect.Running)
				if moved.Copy != string(offsetstore.ByCheckpoints) || (moved.SentAgain != nil) != test.counted || !strings.Contains(moved.Message, map[bool]string{true: "; aligned: no records are sent again", false: "at least once: "}[test.counted && !test.again]) || moved.Proof.Kind != event.Hard {
					t.Errorf("copy %s, sent again %v: %s", moved.Copy, moved.SentAgain, moved.Message)
				}
				if name == "syncs are gone" {
					return // and MirrorMaker with them
				}
				w.pass(30 * time.Second)
				back := w.mover().Rollback(t.Context(), request)
				w.expect(back, event.RolledBack, connect.Running, connect.Stopped)
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
	other := connecttest.StartMirror(connecttest.MirrorSpec{From: w.kafka, To: third, Topics: []string{topic}, Alias: "factory", TargetAlias: "asia", Twice: 7})
	w.t.Cleanup(other.Stop)
	w.pass(15 * time.Second)
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
			w.kafka.DeleteTopic(topic)
			w.pass(90 * time.Second)
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
				request := w.request()
				if test.change != nil {
					test.change(w, &request)
				}
				got := w.mover().Move(t.Context(), request)
				w.expect(got, event.Refused, connect.Running, "")
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
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
	})
}

// TestSinkMovedRecordForRecord moves a sink with --same-log and back: its offsets are
// copied as they are both ways, although MirrorMaker has checkpoints too.
func TestSinkMovedRecordForRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{KeepNames: true})
		w.begin()
		w.sameLog = true
		moved := w.move()
		w.expect(moved, event.Moved, connect.Stopped, connect.Running)
		w.pass(30 * time.Second)
		back := w.rollback()
		w.expect(back, event.RolledBack, connect.Running, connect.Stopped)
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
		w.europe.FailStarts(orders, "no such database")
		got := w.move()
		w.expect(got, event.RolledBack, connect.Running, connect.Stopped)
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
		request := w.request()
		mirrors, err := request.Target.Mirrors()
		if err != nil {
			t.Fatal(err)
		}
		mirroredBy(&request, &laterChanged{MirrorLog: mirrors.Log})
		got := w.mover().Move(t.Context(), request)
		w.expect(got, event.Failed, connect.Running, "")
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
	for _, state := range []connect.State{connect.Running, connect.Paused, connect.Stopped} {
		for _, next := range []string{"move", "rollback"} {
			for _, killed := range []string{"move", "rollback"} {
				for _, answered := range []bool{true, false} {
					if state != connect.Running && !answered {
						continue // what a request that is not carried out leaves behind is as before it
					}
					t.Run(fmt.Sprintf("%s/%s then %s/carried_out=%v", state, killed, next, answered), func(t *testing.T) {
						t.Parallel()
						atEveryRequest(t, func(t *testing.T, request int) bool { return sinkKilledThen(t, state, killed, next, request, answered) })
					})
				}
			}
		}
	}
}

func sinkKilledThen(t *testing.T, state connect.State, killed, next string, request int, answered bool) (done bool) {
	w := newTwoKafkas(t, connecttest.MirrorSpec{SyncGroups: request%2 == 0})
	w.begin()
	w.rest(w.global, state)
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
