package history_test

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/natslease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// The tests here take real time: a NATS server listens on a socket, and a bubble of
// virtual time cannot wait for one.

// odd is a connector's name with every character that has a meaning in a subject.
const odd = "orders.v2 *>é"

const topic = "numbers"

// stage is two Connect clusters in memory, with a connector on the first.
type stage struct {
	t              testing.TB
	kafka          *connecttest.Kafka
	global, europe *connecttest.Cluster
	connector      string
}

func newStage(t testing.TB, connector string) *stage {
	t.Helper()
	s := &stage{t: t, kafka: connecttest.NewKafka(), connector: connector}
	s.global = connecttest.New(connecttest.WithKafka(s.kafka), connecttest.WithName("global"), connecttest.WithFlushInterval(50*time.Millisecond))
	s.europe = connecttest.New(connecttest.WithKafka(s.kafka), connecttest.WithName("europe"), connecttest.WithFlushInterval(50*time.Millisecond))
	t.Cleanup(s.global.Close)
	t.Cleanup(s.europe.Close)
	if err := s.global.Client().Create(t.Context(), connector, connecttest.SourceConfig(topic, 2).With("rate", rawjson.String("20")), connect.Running); err != nil {
		t.Fatal(err)
	}
	s.await(s.global, connect.Running)
	return s
}

func (s *stage) await(cluster *connecttest.Cluster, state connect.State) {
	s.t.Helper()
	err := wait.Until(s.t.Context(), s.connector+" "+string(state)+" on "+cluster.Name(), 20*time.Second, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, s.connector)
		if connect.IsNotFound(err) {
			return false, "absent", nil
		}
		return status.Connector.State == state && (state != connect.Running || status.AllTasks(connect.Running)), string(status.Connector.State), err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// exact counts: nothing lost, nothing twice, never both copies at once.
func (s *stage) exact() {
	s.t.Helper()
	if count := s.kafka.Count(topic); count.Records == 0 || count.Missing != 0 || count.Duplicated != 0 {
		s.t.Errorf("%d records, %d missing, %d duplicated", count.Records, count.Missing, count.Duplicated)
	}
	if overlaps := s.kafka.Overlaps(); len(overlaps) > 0 {
		s.t.Errorf("both copies ran at once: %+v", overlaps)
	}
}

// line carries the requests of one run. Cutting it is like a kill: nothing the run does
// afterwards reaches a cluster.
type line struct {
	mu    sync.Mutex
	sent  int
	cutAt int             // after this many requests; 0 for never
	onCut func()          // called when that one has been carried out
	ended <-chan struct{} // until when the goroutines of the killed run are kept
	each  func(*http.Request)
}

func (l *line) over(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		l.mu.Lock()
		l.sent++
		at, dead := l.sent == l.cutAt, l.cutAt > 0 && l.sent > l.cutAt
		l.mu.Unlock()
		if dead {
			l.die()
		}
		if l.each != nil {
			l.each(request)
		}
		answer, err := next.RoundTrip(request)
		if at {
			l.onCut()
			l.die()
		}
		return answer, err
	})
}

func (l *line) die() {
	<-l.ended
	runtime.Goexit()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func (s *stage) request(l *line) pair.Request {
	side := func(c *connecttest.Cluster) *cluster.Cluster {
		client, err := connect.New(connect.Options{Workers: c.URLs(), Transport: l.over(c.Transport())})
		if err != nil {
			s.t.Fatal(err)
		}
		return &cluster.Cluster{Name: c.Name(), Client: client, Kafka: cluster.Kafka{
			Status: cluster.Known[cluster.StatusTopic](c.StatusLog()), Groups: cluster.Known[cluster.Groups](s.kafka),
		}}
	}
	return pair.Request{Origin: side(s.global), Target: side(s.europe), Connector: s.connector}
}

// notes remembers what an operator is told.
type notes struct {
	mu    sync.Mutex
	texts []string
}

func (n *notes) Emit(happened event.Event) {
	if note, ok := happened.(event.Note); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.texts = append(n.texts, string(note.Level)+" "+note.Message)
	}
}

// run is one run of ferry: a mover of its own, with a connection of its own.
type run struct {
	*move.Mover
	store     *natsstore.Store
	publisher *history.Publisher
	notes     *notes
}

func startServer(t testing.TB) *natstest.Server {
	t.Helper()
	server, err := natstest.Start(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func optionsFor(url string, ttl time.Duration) natsstore.Options {
	return natsstore.Options{URLs: []string{url}, Stream: "FERRY", Bucket: "ferry-leases", Prefix: "ferry", LeaseTTL: ttl}
}

func newRun(t testing.TB, url, who string, ttl time.Duration) *run {
	t.Helper()
	store, err := natsstore.Open(t.Context(), optionsFor(url, ttl))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	options := command.DefaultOptions()
	options.Watch = 30 * time.Millisecond
	told := &notes{}
	by := event.Holder{User: who, Host: "here", Process: 1}
	publisher := history.NewPublisher(store, history.PublisherOptions{By: by, Version: "test", Events: told, Timeout: 2 * time.Second})
	return &run{
		Mover: &move.Mover{Setup: &command.Setup{
			Options: options, Events: event.Tee{told, publisher},
			Leases: &natslease.Bucket{KV: store.Leases(), TTL: ttl, By: by, Events: told},
		}},
		store: store, publisher: publisher, notes: told,
	}
}

// stories reads the history and checks every event against the schema.
func stories(t testing.TB, url, connector string) []history.Story {
	t.Helper()
	store, err := natsstore.OpenToRead(t.Context(), optionsFor(url, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all, err := history.Read(t.Context(), store, time.Time{}, connector)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.Check(schemas.History, encode(t, all)); err != nil {
		t.Errorf("history: %v", err)
	}
	return all.Moves
}

func bothOf(s *stage) []lease.Key {
	return []lease.Key{{Cluster: "global", Connector: s.connector}, {Cluster: "europe", Connector: s.connector}}
}
