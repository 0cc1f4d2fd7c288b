package move

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
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
	line           *line
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
	w := &world{t: t, kafka: connecttest.NewKafka(), hard: hard, line: &line{}, name: orders}
	w.global = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(w.kafka), connecttest.WithName("global")}, origin...)...)
	w.europe = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(w.kafka), connecttest.WithName("europe")}, target...)...)
	w.kafka.Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return w.line.carry(do) })
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
	side := func(c *connecttest.Cluster) *cluster.Cluster {
		client, err := connect.New(connect.Options{Workers: c.URLs(), Transport: w.line.over(c.Transport())})
		if err != nil {
			w.t.Fatal(err)
		}
		side := &cluster.Cluster{Name: c.Name(), Client: client}
		if w.hard {
			side.Kafka = kafkaOf(c)
		}
		return side
	}
	return pair.Request{Origin: side(w.global), Target: side(w.europe), Connector: w.name, AtLeastOnce: w.atLeastOnce, SameLog: w.sameLog, Set: w.set}
}

// kafkaOf is every part of an in-memory cluster's Kafka.
func kafkaOf(c *connecttest.Cluster) cluster.Kafka {
	return cluster.Kafka{
		Status: cluster.Known[cluster.StatusTopic](c.StatusLog()), Configs: cluster.Known[cluster.ConfigTopic](c.ConfigTopic()),
		Groups: cluster.Known[cluster.Groups](c.Kafka()), SinkOffsets: cluster.Known[cluster.GroupOffsets](c.Kafka()),
		Fencer: cluster.Known[cluster.Fencer](c.Fencer()), Mirrors: cluster.Known(cluster.Mirrors{Log: c.Kafka()}),
		Offsets: cluster.Known[cluster.OffsetTopic](c.OffsetTopic("")),
		Topic:   cluster.Known(func(name string) cluster.OffsetTopic { return c.OffsetTopic(name) }),
	}
}

// mover follows offsets however few they are, unless the run is cut at an odd request: so both ways
// are killed at all kinds of requests.
func (w *world) mover() *Mover {
	m := &Mover{Options: DefaultOptions(), Events: event.Discard{}, many: 1}
	if w.line.cutAt%2 == 1 {
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

// line counts the requests of a run and can be cut, after which the run reaches
// nothing any more: to the clusters that looks as if it had been killed.
type line struct {
	mu     sync.Mutex
	sent   int
	cutAt  int    // cut when this many were sent; 0 for never
	onCut  func() // called instead of cutting, if set
	answer bool   // the last request before the cut is carried out, its answer lost
	spread bool   // each request goes to the next worker, as a load balancer does it
}

var errCut = errors.New("killed")

func (l *line) cut(at int, answer bool) { l.sent, l.cutAt, l.answer, l.onCut = 0, at, answer, nil }

func (l *line) over(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		l.mu.Lock()
		l.sent++
		if l.spread {
			request.URL.Host = "worker-" + strconv.Itoa(1+l.sent%2) + strings.TrimPrefix(request.URL.Host, request.URL.Host[:len("worker-1")])
		}
		last, dead, onCut := l.cutAt > 0 && l.sent == l.cutAt, l.cutAt > 0 && l.sent > l.cutAt, l.onCut
		l.mu.Unlock()
		if onCut != nil {
			if last {
				onCut()
			}
			return next.RoundTrip(request)
		}
		if dead || last && !l.answer {
			return nil, errCut
		}
		answer, err := next.RoundTrip(request)
		if last && err == nil {
			_ = answer.Body.Close()
			return nil, errCut
		}
		return answer, err
	})
}

// carry is [line.over] for requests to Kafka.
func (l *line) carry(do func() error) error {
	answer, err := l.over(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: http.NoBody}, do()
	})).RoundTrip(&http.Request{URL: &url.URL{Host: "worker-1.kafka"}})
	if answer != nil {
		_ = answer.Body.Close()
	}
	return err
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
