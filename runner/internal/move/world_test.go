package move

import (
	"net/http"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/single"
)

// world is a connector between two clusters, and what moves it.
type world struct{ *pairtest.World }

const (
	orders = pairtest.Orders
	topic  = pairtest.Topic
)

// inWorld runs a test once with access to Kafka and once without.
func inWorld(t *testing.T, test func(t *testing.T, w *world), target ...connecttest.Option) {
	t.Helper()
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) { test(t, &world{w}) }, target...)
}

func newWorld(t *testing.T, hard bool, target ...connecttest.Option) *world {
	t.Helper()
	return newWorldOf(t, hard, nil, target)
}

func newWorldOf(t *testing.T, hard bool, origin, target []connecttest.Option) *world {
	t.Helper()
	return &world{pairtest.New(t, hard, origin, target)}
}

func setup() *command.Setup {
	return &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}
}

// mover follows offsets however few they are, unless the run is cut at an odd request: so both ways
// are killed at all kinds of requests.
func (w *world) mover() *Mover {
	m := &Mover{Setup: setup(), many: 1}
	if w.Line.CutAt%2 == 1 {
		m.many = 0
	}
	return m
}

func (w *world) move() event.ConnectorResult { return w.mover().Move(w.T.Context(), w.Request()) }
func (w *world) rollback() event.ConnectorResult {
	return w.mover().Rollback(w.T.Context(), w.Request())
}

// steps are the single steps of a move, for tests that take some by hand.
func (w *world) steps() single.Steps { return single.Steps{Setup: setup()} }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
