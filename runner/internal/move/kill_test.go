package move

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
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
				for request, done := 1, false; !done; request++ {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, hard)
						w.run(slowSource())
						w.line.Cut(request, answered)
						w.move()
						done = w.line.Sent < request
						w.line.Cut(0, false)
						// Unchanged is right too, where the copy was asked to start before the cut.
						if result := w.move(); result.Outcome != event.Moved && result.Outcome != event.Unchanged {
							t.Errorf("move after a kill: %s: %s", result.Outcome, result.Message)
						}
						w.at(connect.Stopped, connect.Running)
						w.pass(time.Minute)

						w.line.Cut(request, answered)
						w.rollback()
						done = done && w.line.Sent < request
						w.line.Cut(0, false)
						if result := w.rollback(); result.Outcome != event.RolledBack && result.Outcome != event.PutBack && result.Outcome != event.Unchanged {
							t.Errorf("rollback after a kill: %s: %s", result.Outcome, result.Message)
						}
						w.at(connect.Running, connect.Stopped)
						w.exact()
					})
					if t.Failed() {
						t.Fatalf("when killed at request %d", request)
					}
				}
			})
		}
	}
}

// slowSource sends few records, since their number is what costs time here.
func slowSource() rawjson.Object {
	return connecttest.SourceConfig(topic, 2).With("rate", rawjson.String("5"))
}

// TestInterruptedAtEveryRequest sends the signal at each request of a move: it
// ends put back or moved, never in between.
func TestInterruptedAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	for request, done := 1, false; !done; request++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.run(slowSource())
			ctx, cancel := context.WithCancelCause(t.Context())
			w.line.Cut(request, false)
			w.line.OnCut = func() { cancel(event.ErrInterrupted) }
			result := w.mover().Move(ctx, w.request())
			done = w.line.Sent < request
			cancel(nil)
			switch result.Outcome {
			case event.Moved:
				w.expect(result, event.Moved, connect.Stopped, connect.Running)
			default:
				w.expect(result, event.Interrupted, connect.Running, "")
			}
			w.exact()
			if t.Failed() {
				t.Logf("%s at %s: %s; %+v", result.Outcome, result.FailedAt, result.Message, result.Steps)
			}
		})
		if t.Failed() {
			t.Fatalf("when interrupted at request %d", request)
		}
	}
}
