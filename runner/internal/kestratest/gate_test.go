package kestratest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate stands before a Connect cluster and holds one request, so that a move
// stands still at a known moment.
type gate struct {
	backend http.Handler
	// holds says which request; the first of them is held, later ones pass.
	holds func(*http.Request) bool
	// answered: the cluster has done it, only its answer is held.
	answered bool

	once    sync.Once
	reached chan struct{} // closed once a request is held
	opens   sync.Once
	opened  chan struct{} // closed to let it pass
}

// newGate returns a gate before the cluster at address, and its own address.
func newGate(t *testing.T, address string, answered bool, holds func(*http.Request) bool) (*gate, string) {
	t.Helper()
	backend, err := url.Parse(address)
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(backend)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	g := &gate{backend: proxy, holds: holds, answered: answered, reached: make(chan struct{}), opened: make(chan struct{})}
	address = serve(t, g)
	t.Cleanup(g.open) // before the server closes, which waits for what is held
	return g, address
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hold := false
	if g.holds(r) {
		g.once.Do(func() { hold = true })
	}
	if !hold {
		g.backend.ServeHTTP(w, r)
		return
	}
	// Only after the whole body is read does the server notice that who asked is gone.
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !g.answered {
		close(g.reached)
		select {
		case <-g.opened:
			g.backend.ServeHTTP(w, r)
		case <-r.Context().Done(): // who asked is gone
		}
		return
	}
	answer := httptest.NewRecorder()
	g.backend.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
	close(g.reached)
	select {
	case <-g.opened:
	case <-r.Context().Done():
		return
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (g *gate) open() { g.opens.Do(func() { close(g.opened) }) }

func (g *gate) await(t *testing.T, what string, limit time.Duration) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(limit):
		t.Fatalf("no move came to %s within %s", what, limit)
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}
