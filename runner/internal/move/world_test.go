package move

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/reach"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// world is two Connect clusters on one Kafka, in virtual time, with a connector on the
// first.
type world struct {
	t              *testing.T
	kafka          *connecttest.Kafka
	global, europe *connecttest.Cluster
	hard           bool
	atLeastOnce    bool
	sameLog        bool
	set            map[string]string // settings of the copy
	line           *reach.Line
	name           string // of the connector
}

const (
	orders = "orders"
	topic  = "numbers"
)

// inWorld runs a test in a bubble of virtual time, once with access to Kafka and
// once without.
func inWorld(t *testing.T, test func(t *testing.T, w *world), target ...connecttest.Option) {
	t.Helper()
	for name, hard := range map[string]bool{"hard": true, "timed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, hard, target...)) })
		})
	}
}

func newWorld(t *testing.T, hard bool, target ...connecttest.Option) *world {
	t.Helper()
	return newWorldOf(t, hard, nil, target)
}

func newWorldOf(t *testing.T, hard bool, origin, target []connecttest.Option) *world {
	t.Helper()
	w := &world{t: t, kafka: connecttest.NewKafka(), hard: hard, line: &reach.Line{}, name: orders}
	w.global = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(w.kafka), connecttest.WithName("global")}, origin...)...)
	w.europe = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(w.kafka), connecttest.WithName("europe")}, target...)...)
	w.kafka.Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return w.line.Carry(do) })
	t.Cleanup(w.global.Close)
	t.Cleanup(w.europe.Close)
	return w
}

// run creates the connector on the origin and lets it run until it has committed
// offsets, which it does every minute.
func (w *world) run(config rawjson.Object) {
	w.t.Helper()
	if err := w.global.Client().PutConfig(w.t.Context(), w.name, config); err != nil {
		w.t.Fatal(err)
	}
	w.await(w.global, connect.Running)
	w.pass(70 * time.Second)
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := wait.For(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) await(cluster *connecttest.Cluster, state connect.State) {
	w.t.Helper()
	err := wait.Until(w.t.Context(), cluster.Name()+" "+string(state), time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, w.name)
		if connect.IsNotFound(err) {
			return false, "not there", nil
		}
		missing := status.Missing(state, 0)
		return err == nil && missing == "", missing, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) state(cluster *connecttest.Cluster) connect.State {
	w.t.Helper()
	status, err := cluster.Client().Status(w.t.Context(), w.name)
	if connect.IsNotFound(err) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return status.Connector.State
}

// request asks for the move through the line, which a test can cut.
func (w *world) request() pair.Request {
	return pair.Request{Origin: w.line.Side(w.t, w.global, w.hard), Target: w.line.Side(w.t, w.europe, w.hard), Connector: w.name, AtLeastOnce: w.atLeastOnce, SameLog: w.sameLog, Set: w.set}
}

// mover follows offsets however few they are, unless the run is cut at an odd request: so both ways
// are killed at all kinds of requests.
func (w *world) mover() *Mover {
	m := &Mover{Options: DefaultOptions(), Events: event.Discard{}, many: 1}
	if w.line.CutAt%2 == 1 {
		m.many = 0
	}
	return m
}

func (w *world) move() event.ConnectorResult { return w.mover().Move(w.t.Context(), w.request()) }
func (w *world) rollback() event.ConnectorResult {
	return w.mover().Rollback(w.t.Context(), w.request())
}

// exact lets the connector run on for a while, and then counts: nothing lost,
// nothing twice, and never both copies at once.
func (w *world) exact() {
	w.t.Helper()
	before := w.kafka.Count(topic).Records
	w.pass(90 * time.Second)
	count := w.kafka.Count(topic)
	if count.Missing != 0 || count.Duplicated != 0 {
		w.t.Errorf("%d records, %d missing, %d duplicated", count.Records, count.Missing, count.Duplicated)
	}
	if count.Records <= before {
		w.t.Errorf("nothing is produced any more: %d records", count.Records)
	}
	if overlaps := w.kafka.Overlaps(); len(overlaps) > 0 {
		w.t.Errorf("both copies ran at once: %+v", overlaps)
	}
}

func (w *world) expect(result event.ConnectorResult, outcome event.Outcome, origin, target connect.State) {
	w.t.Helper()
	if result.Outcome != outcome {
		w.t.Fatalf("outcome %s, want %s: %s", result.Outcome, outcome, result.Message)
	}
	w.at(origin, target)
}

// at checks the connector's state on both clusters, "" for none.
func (w *world) at(origin, target connect.State) {
	w.t.Helper()
	if got := w.state(w.global); got != origin {
		w.t.Errorf("%s on global, want %s", got, origin)
	}
	if got := w.state(w.europe); got != target {
		w.t.Errorf("%s on europe, want %s", got, target)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
