// Package pairtest is one connector between two in-memory Connect clusters, in virtual time, for
// the tests of what is done to it: the same start, and the same counting at the end.
package pairtest

import (
	"context"
	"flag"
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

// The connector of a [World], and the topic that it writes to.
const (
	Orders = "orders"
	Topic  = "numbers"
)

// World is two Connect clusters on one Kafka, in virtual time, with a connector on the
// first.
type World struct {
	T              *testing.T
	Kafka          *connecttest.Kafka
	Global, Europe *connecttest.Cluster
	Hard           bool // the clusters' Kafka is known
	AtLeastOnce    bool
	SameLog        bool
	Set            map[string]string // settings of the copy
	Line           *reach.Line
	Name           string // of the connector
}

// InWorld runs a test in a bubble of virtual time, once with access to Kafka and
// once without.
func InWorld(t *testing.T, test func(t *testing.T, w *World), target ...connecttest.Option) {
	t.Helper()
	for name, hard := range map[string]bool{"hard": true, "timed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, New(t, hard, nil, target)) })
		})
	}
}

// New starts the clusters, each with options of its own.
func New(t *testing.T, hard bool, origin, target []connecttest.Option) *World {
	t.Helper()
	kafka := connecttest.NewKafka()
	return between(t, hard, kafka, kafka, origin, target)
}

func between(t *testing.T, hard bool, from, to *connecttest.Kafka, origin, target []connecttest.Option) *World {
	t.Helper()
	w := &World{T: t, Kafka: from, Hard: hard, Line: &reach.Line{}, Name: Orders}
	w.Global = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(from), connecttest.WithName("global")}, origin...)...)
	w.Europe = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(to), connecttest.WithName("europe")}, target...)...)
	for _, kafka := range []*connecttest.Kafka{from, to} {
		kafka.Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return w.Line.Carry(do) })
	}
	t.Cleanup(w.Global.Close)
	t.Cleanup(w.Europe.Close)
	return w
}

// Run creates the connector on the origin and lets it run until it has committed
// offsets, which it does every minute.
func (w *World) Run(config rawjson.Object) {
	w.T.Helper()
	if err := w.Global.Client().PutConfig(w.T.Context(), w.Name, config); err != nil {
		w.T.Fatal(err)
	}
	w.Await(w.Global, connect.Running)
	w.Pass(70 * time.Second)
}

// Pass lets time pass.
func (w *World) Pass(d time.Duration) {
	w.T.Helper()
	if err := wait.For(w.T.Context(), d); err != nil {
		w.T.Fatal(err)
	}
}

// Await waits until the connector and its tasks have a state on a cluster.
func (w *World) Await(cluster *connecttest.Cluster, state connect.State) {
	w.T.Helper()
	err := wait.Until(w.T.Context(), cluster.Name()+" "+string(state), time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, w.Name)
		if connect.IsNotFound(err) {
			return false, "not there", nil
		}
		missing := status.Missing(state, 0)
		return err == nil && missing == "", missing, err
	})
	if err != nil {
		w.T.Fatal(err)
	}
}

// State is the connector's state on a cluster, "" if it is not there.
func (w *World) State(cluster *connecttest.Cluster) connect.State {
	w.T.Helper()
	status, err := cluster.Client().Status(w.T.Context(), w.Name)
	if connect.IsNotFound(err) {
		return ""
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return status.Connector.State
}

// Request asks for the move through the line, which a test can cut.
func (w *World) Request() pair.Request {
	return pair.Request{Origin: w.Line.Side(w.T, w.Global, w.Hard), Target: w.Line.Side(w.T, w.Europe, w.Hard), Connector: w.Name, AtLeastOnce: w.AtLeastOnce, SameLog: w.SameLog, Set: w.Set}
}

// Exact lets the connector run on for a while, and then counts: nothing lost,
// nothing twice, and never both copies at once.
func (w *World) Exact() {
	w.T.Helper()
	before := w.Kafka.Count(Topic).Records
	w.Pass(90 * time.Second)
	count := w.Kafka.Count(Topic)
	if count.Missing != 0 || count.Duplicated != 0 {
		w.T.Errorf("%d records, %d missing, %d duplicated", count.Records, count.Missing, count.Duplicated)
	}
	if count.Records <= before {
		w.T.Errorf("nothing is produced any more: %d records", count.Records)
	}
	if overlaps := w.Kafka.Overlaps(); len(overlaps) > 0 {
		w.T.Errorf("both copies ran at once: %+v", overlaps)
	}
}

// Expect checks an outcome, and the connector's state on both clusters, "" for none.
func (w *World) Expect(result event.ConnectorResult, outcome event.Outcome, origin, target connect.State) {
	w.T.Helper()
	if result.Outcome != outcome {
		w.T.Fatalf("outcome %s, want %s: %s", result.Outcome, outcome, result.Message)
	}
	w.At(origin, target)
}

// At checks the connector's state on both clusters, "" for none.
func (w *World) At(origin, target connect.State) {
	w.T.Helper()
	if got := w.State(w.Global); got != origin {
		w.T.Errorf("%s on global, want %s", got, origin)
	}
	if got := w.State(w.Europe); got != target {
		w.T.Errorf("%s on europe, want %s", got, target)
	}
}

// SlowSource sends few records, for tests in which their number is what costs time.
func SlowSource() rawjson.Object {
	return connecttest.SourceConfig(Topic, 2).With("rate", rawjson.String("5"))
}

// AtEveryRequest calls play in virtual time with the number of the request at which something
// is to happen, such as a kill, until play reports that there were fewer requests.
func AtEveryRequest(t *testing.T, play func(t *testing.T, request int) (done bool)) {
	t.Helper()
	atRequests(t, 1, 1, play)
}

var all = flag.Bool("all", false, "kill at every request, where a test has many cases and takes every third of each")

// AtEveryThirdRequest is AtEveryRequest for one of many like cases: each takes a third of the
// requests, and not the third that the cases beside it take. With -all each takes all.
func AtEveryThirdRequest(t *testing.T, which int, play func(t *testing.T, request int) (done bool)) {
	t.Helper()
	if *all {
		atRequests(t, 1, 1, play)
		return
	}
	atRequests(t, 1+which%3, 3, play)
}

func atRequests(t *testing.T, first, every int, play func(t *testing.T, request int) (done bool)) {
	t.Helper()
	for request, done := first, false; !done; request += every {
		synctest.Test(t, func(t *testing.T) { done = play(t, request) })
		if t.Failed() {
			t.Fatalf("at request %d", request)
		}
	}
}
