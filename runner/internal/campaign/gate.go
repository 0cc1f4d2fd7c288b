package campaign

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Gate decides whether anything more is begun. It is safe for concurrent use.
type Gate struct {
	most  int // failures, each put back, that close it
	moves map[string]plan.Move

	mu     sync.Mutex
	failed map[string]bool // by connector
	reason string          // why it is closed; "" while it is open
}

// NewGate returns the gate of a plan. most is how many connectors may fail, each put back,
// before it closes: at least 1. A failure that was not put back closes it at once.
func NewGate(of plan.Plan, most int) *Gate {
	g := &Gate{most: max(most, 1), moves: map[string]plan.Move{}, failed: map[string]bool{}}
	for _, move := range of.Moves {
		g.moves[move.Connector] = move
	}
	return g
}

// BeforeCut is asked right before a connector is paused. It returns a [proof.NotAllowedError]
// if the gate has closed since the connector was prepared, or a blackout window has begun.
func (g *Gate) BeforeCut(connector string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason != "" {
		return &proof.NotAllowedError{Reason: g.reason}
	}
	move := g.moves[connector]
	if said := blackout(move, time.Now()); said != "" {
		return &proof.NotAllowedError{Reason: "it " + said}
	}
	return nil
}

// blackout says that a move must not be made, "" if it may.
func blackout(move plan.Move, now time.Time) string {
	window := move.BlackedOut(now)
	if window == nil {
		return ""
	}
	said := fmt.Sprintf("must not be moved from %s to %s", window.From.Format(time.RFC3339), window.To.Format(time.RFC3339))
	if window.Reason != "" {
		said += fmt.Sprintf(" (%s)", window.Reason)
	}
	return said
}

// ended takes the result of a move that ended.
func (g *Gate) ended(result event.ConnectorResult) {
	if !result.Outcome.Bad() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !putBack(result) && g.reason == "" {
		g.reason = fmt.Sprintf("%s was not put back (%s)", result.Connector, result.Outcome)
	}
	g.count(result.Connector)
}

// AtFailure is told of a failure before it is undone, so that what waits meanwhile is not begun.
func (g *Gate) AtFailure(connector string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(connector)
}

func (g *Gate) count(connector string) {
	g.failed[connector] = true
	switch failures := len(g.failed); {
	case g.reason != "" || failures < g.most:
	case failures == 1:
		g.reason = connector + " failed"
	default:
		g.reason = fmt.Sprintf("%d connectors failed, the last was %s", failures, connector)
	}
}

func (g *Gate) close(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reason == "" {
		g.reason = reason
	}
}

// closed returns why nothing more is begun, "" if the gate is open.
func (g *Gate) closed(ctx context.Context) string {
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
