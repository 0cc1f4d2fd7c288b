package regroup

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/reach"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const topic = "numbers"

// streams is what the fake's source lists: streams, each with a partition.
var streams = family.List{Setting: "streams", Field: "stream", Form: family.Names}

// world is two Connect clusters on one Kafka, in virtual time, with connectors a, b and c of
// one stream each on the first.
type world struct {
	t              *testing.T
	kafka          *connecttest.Kafka
	global, europe *connecttest.Cluster
	hard           bool
	line           *reach.Line
}

func newWorld(t *testing.T, hard bool, options ...connecttest.Option) *world {
	t.Helper()
	w := &world{t: t, kafka: connecttest.NewKafka(), hard: hard, line: &reach.Line{}}
	w.global = connecttest.New(append(options, connecttest.WithKafka(w.kafka), connecttest.WithName("global"))...)
	w.europe = connecttest.New(append(options, connecttest.WithKafka(w.kafka), connecttest.WithName("europe"), connecttest.WithGroupID("europe"))...)
	w.kafka.Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return w.line.Carry(do) })
	t.Cleanup(w.global.Close)
	t.Cleanup(w.europe.Close)
	return w
}

// run creates connectors on the first cluster, each with the streams of that name, and lets
// them run until they have committed.
func (w *world) run(names ...string) {
	w.t.Helper()
	for _, name := range names {
		w.create(name, source(name))
	}
	w.pass(70 * time.Second)
}

func (w *world) create(name string, config rawjson.Object) {
	w.t.Helper()
	if err := w.global.Client().PutConfig(w.t.Context(), name, config); err != nil {
		w.t.Fatal(err)
	}
}

// source sends the stream of a name, or those of several with commas.
func source(listed string) rawjson.Object {
	return connecttest.ListedConfig(topic, strings.Split(listed, ",")...).With("rate", rawjson.String("5"))
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := wait.For(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) side(c *connecttest.Cluster) *cluster.Cluster {
	return w.line.Side(w.t, c, w.hard)
}

func regrouper() *Regrouper {
	return &Regrouper{&command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}}
}

// consolidate is the request that makes abc on europe of a, b and c on global.
func (w *world) consolidate() Request {
	return Request{
		Form: Consolidate, Origin: w.side(w.global), Target: w.side(w.europe), Whole: "abc", List: streams,
		Parts: []Part{{Name: "a"}, {Name: "b"}, {Name: "c"}},
	}
}

// split is the request that makes a, b and c on europe of abc on global.
func (w *world) split() Request {
	return Request{
		Form: Split, Origin: w.side(w.global), Target: w.side(w.europe), Whole: "abc", List: streams,
		Parts: []Part{{"a", []string{"a"}}, {"b", []string{"b"}}, {"c", []string{"c"}}},
	}
}

func (w *world) regroup(request Request) event.ConnectorResult {
	return regrouper().Regroup(w.t.Context(), request)
}

func (w *world) undo(request Request) event.ConnectorResult {
	return regrouper().Undo(w.t.Context(), request)
}

// expect checks an outcome.
func (w *world) expect(got event.ConnectorResult, outcomes ...event.Outcome) {
	w.t.Helper()
	for _, outcome := range outcomes {
		if got.Outcome == outcome {
			return
		}
	}
	w.t.Fatalf("outcome %s, want %v: %s; %+v", got.Outcome, outcomes, got.Message, got.Steps)
}

// at checks where each connector is, as "a=RUNNING abc=STOPPED"; one that is not named must not
// be there.
func (w *world) at(c *connecttest.Cluster, want string) {
	w.t.Helper()
	var all []string
	for _, name := range []string{"a", "abc", "b", "c"} {
		status, err := c.Client().Status(w.t.Context(), name)
		if connect.IsNotFound(err) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s=%s", name, status.Connector.State))
	}
	if got := strings.Join(all, " "); got != want {
		w.t.Errorf("on %s %s, want %s", c.Name(), got, want)
	}
}

// exact lets everything run on, and then counts: nothing lost, nothing twice, each stream goes
// on, and no two tasks ever sent one stream at once.
func (w *world) exact() {
	w.t.Helper()
	before := w.highest()
	w.pass(90 * time.Second)
	if count := w.kafka.Count(topic); count.Missing != 0 || count.Duplicated != 0 {
		w.t.Errorf("%d records, %d missing, %d duplicated", count.Records, count.Missing, count.Duplicated)
	}
	after := w.highest()
	for _, stream := range []string{"a", "b", "c"} {
		if after[stream] <= before[stream] {
			w.t.Errorf("stream %s has stopped at %d", stream, after[stream])
		}
	}
}

func (w *world) highest() map[string]int64 {
	highest := map[string]int64{}
	for _, record := range w.kafka.Records(topic) {
		highest[record.Stream] = max(highest[record.Stream], record.Number)
	}
	return highest
}
