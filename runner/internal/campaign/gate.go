package campaign

import (
	"context"
	"fmt"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// gate decides whether anything more is begun. It is safe for concurrent use.
type gate struct {
	most int // failures, each put back, that close it

	mu       sync.Mutex
	failures int
	reason   string // why it is closed; "" while it is open
}

// ended takes the result of a move that ended.
func (g *gate) ended(result event.ConnectorResult) {
	if !result.Outcome.Bad() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures++
	switch {
	case g.reason != "":
	case !putBack(result):
		g.reason = fmt.Sprintf("%s was not put back (%s)", result.Connector, result.Outcome)
	case g.failures >= g.most && g.failures == 1:
		g.reason = fmt.Sprintf("%s failed (%s)", result.Connector, result.Outcome)
	case g.failures >= g.most:
		g.reason = fmt.Sprintf("%d connectors failed, the last was %s (%s)", g.failures, result.Connector, result.Outcome)
	}
}

func (g *gate) close(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == "" {
		g.reason = reason
	}
}

// closed returns why nothing more is begun, "" if the gate is open.
func (g *gate) closed(ctx context.Context) string {
	if ctx.Err() != nil {
		return context.Cause(ctx).Error()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason
}

// putBack reports whether a connector that was not moved runs on as before.
func putBack(result event.ConnectorResult) bool {
	switch result.Outcome { //nolint:exhaustive // the others are told by where the move stands
	case event.RolledBack:
		return true
	case event.Down, event.RunningTwice:
		return false
	}
	stands := pair.State(result.State)
	return !result.Changed || (stands == pair.NotBegun || stands == pair.Prepared) && (result.WasState != connect.Running || result.OriginState != connect.Stopped)
}
