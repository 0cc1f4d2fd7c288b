package watch

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/reach"
	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const orders = "orders"

// world is two Connect clusters on one Kafka, in virtual time.
type world struct {
	*testing.T
	global, europe *connecttest.Cluster
	shared         *connecttest.Kafka
	kafka          bool // of the clusters is known
	notes          notes
}

// inWorld runs a test once with access to Kafka and once without.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	for name, known := range map[string]bool{"kafka": true, "rest": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, shared: connecttest.NewKafka(), kafka: known}
				w.global, w.europe = w.cluster("global"), w.cluster("europe")
				test(w)
			})
		})
	}
}

func (w *world) cluster(name string) *connecttest.Cluster {
	added := connecttest.New(connecttest.WithKafka(w.shared), connecttest.WithName(name))
	w.Cleanup(added.Close)
	return added
}

func (w *world) side(c *connecttest.Cluster) *cluster.Cluster {
	side := &cluster.Cluster{Name: c.Name(), Client: c.Client()}
	if w.kafka {
		side.Kafka = reach.Kafka(c)
	}
	return side
}

func (w *world) request() pair.Request {
	return pair.Request{Origin: w.side(w.global), Target: w.side(w.europe), Connector: orders}
}

func (w *world) mover() *move.Mover {
	return &move.Mover{Setup: setup()}
}

func (w *world) stopper() Stopper { return Stopper{Setup: setup()} }

func setup() *command.Setup {
	return &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}
}

func (w *world) watcher() *Watcher {
	request := w.request()
	return New(drift.Comparer{Origin: request.Origin, Target: request.Target, Concurrency: 4}, &w.notes)
}

func (w *world) pass(d time.Duration) {
	w.Helper()
	w.check(wait.For(w.Context(), d))
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// create creates the connector and lets it go on until it has committed offsets.
func (w *world) create(on *connecttest.Cluster, config rawjson.Object, state connect.State) {
	w.Helper()
	w.check(on.Client().Create(w.Context(), orders, config, state))
	w.pass(70 * time.Second)
}

// moved moves the connector from global to europe and lets it go on there.
func (w *world) moved(config rawjson.Object) {
	w.Helper()
	w.create(w.global, config, connect.Running)
	if result := w.mover().Move(w.Context(), w.request()); result.Outcome != event.Moved {
		w.Fatal(result.Message)
	}
	w.pass(5 * time.Minute)
}

func (w *world) look(watcher *Watcher) Report {
	w.Helper()
	report, err := watcher.Watch(w.Context())
	w.check(err)
	return report
}

// found looks once and wants these findings about the connector, and this outcome.
func (w *world) found(watcher *Watcher, outcome event.Outcome, codes ...string) event.ConnectorResult {
	w.Helper()
	report := w.look(watcher)
	if len(codes) == 0 && len(report.Connectors) == 0 {
		return event.ConnectorResult{}
	}
	if len(report.Connectors) != 1 {
		w.Fatalf("%+v", report)
	}
	result := report.Connectors[0]
	var found []string
	for _, one := range result.Findings {
		found = append(found, one.Code)
		if one.Connector != orders || one.Origin != "global" || one.Target != "europe" || one.Means == "" || one.Do == "" {
			w.Errorf("%+v", one)
		}
	}
	if !slices.Equal(found, codes) || result.Outcome != outcome {
		w.Fatalf("%s, %s: %s; want %s, %s", result.Outcome, found, result.Message, outcome, codes)
	}
	return result
}

// says wants a text in what one finding means, and its time if Kafka is known.
func (w *world) says(finding event.Finding, text string) {
	w.Helper()
	if !strings.Contains(finding.Means, text) {
		w.Errorf("%q does not say %q", finding.Means, text)
	}
	if finding.Since.IsZero() == w.kafka {
		w.Errorf("since %s", finding.Since)
	}
}

func (w *world) states(origin, target connect.State) {
	w.Helper()
	for on, want := range map[*connecttest.Cluster]connect.State{w.global: origin, w.europe: target} {
		status, err := on.Client().Status(w.Context(), orders)
		w.check(err)
		if status.Connector.State != want {
			w.Errorf("%s on %s, want %s", status.Connector.State, on.Name(), want)
		}
	}
}

// refuses wants the stop of the origin to be refused, for that reason, and both to run on.
func (w *world) refuses(reason string) {
	w.Helper()
	if result := w.stopper().StopOrigin(w.Context(), w.request()); result.Outcome != event.Refused || result.Changed || !strings.Contains(result.Message, reason) {
		w.Errorf("%+v", result)
	}
	w.states(connect.Running, connect.Running)
}

func source() rawjson.Object { return connecttest.SourceConfig("numbers", 2) }

// notes keeps the notes of a watch.
type notes []string

func (n *notes) Emit(happened event.Event) {
	if note, ok := happened.(event.Note); ok {
		*n = append(*n, string(note.Level)+" "+note.Message)
	}
}

var _ event.Recorder = (*notes)(nil)

// during runs do beside a watch, after a while.
func (w *world) during(after time.Duration, do func(ctx context.Context) error) {
	go func() {
		if wait.For(w.Context(), after) == nil {
			_ = do(w.Context())
		}
	}()
}
