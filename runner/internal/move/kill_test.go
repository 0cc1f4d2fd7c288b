package move

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// TestKilledAtEveryRequest kills a move before each of its requests, and after
// the cluster has carried it out, and runs it again: it ends moved. The same for
// a rollback, which ends on the origin.
func TestKilledAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	for _, hard := range []bool{true, false} {
		for _, answered := range []bool{true, false} {
			t.Run(fmt.Sprintf("hard=%v,carried_out=%v", hard, answered), func(t *testing.T) {
				t.Parallel()
				pairtest.AtEveryRequest(t, func(t *testing.T, request int) (done bool) {
					w := newWorld(t, hard)
					w.Run(pairtest.SlowSource())
					w.Line.Cut(request, answered)
					w.move()
					done = w.Line.Sent < request
					w.Line.Cut(0, false)
					// Unchanged is right too, where the copy was asked to start before the cut.
					if result := w.move(); result.Outcome != event.Moved && result.Outcome != event.Unchanged {
						t.Errorf("move after a kill: %s: %s", result.Outcome, result.Message)
					}
					w.At(connect.Stopped, connect.Running)
					w.Pass(time.Minute)

					w.Line.Cut(request, answered)
					w.rollback()
					done = done && w.Line.Sent < request
					w.Line.Cut(0, false)
					if result := w.rollback(); result.Outcome != event.RolledBack && result.Outcome != event.PutBack && result.Outcome != event.Unchanged {
						t.Errorf("rollback after a kill: %s: %s", result.Outcome, result.Message)
					}
					w.At(connect.Running, connect.Stopped)
					w.Exact()
					return done
				})
			})
		}
	}
}

// TestInterruptedAtEveryRequest sends the signal at each request of a move: it
// ends put back or moved, never in between.
func TestInterruptedAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	pairtest.AtEveryRequest(t, func(t *testing.T, request int) (done bool) {
		w := newWorld(t, true)
		w.Run(pairtest.SlowSource())
		ctx, cancel := context.WithCancelCause(t.Context())
		w.Line.Cut(request, false)
		w.Line.OnCut = func() { cancel(event.ErrInterrupted) }
		result := w.mover().Move(ctx, w.Request())
		done = w.Line.Sent < request
		cancel(nil)
		switch result.Outcome {
		case event.Moved:
			w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		default:
			w.Expect(result, event.Interrupted, connect.Running, "")
		}
		w.Exact()
		if t.Failed() {
			t.Logf("%s at %s: %s; %+v", result.Outcome, result.FailedAt, result.Message, result.Steps)
		}
		return done
	})
}
