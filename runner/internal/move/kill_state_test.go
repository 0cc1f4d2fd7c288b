package move

import (
	"fmt"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// TestKilledWithAnyStateAndAnyNextCommand kills a move or a rollback of a running, paused
// or stopped connector at each request, and then runs the same command again or the
// opposite one. The connector ends where the last command says, in the state it had.
func TestKilledWithAnyStateAndAnyNextCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	cases := 0
	for _, state := range []connect.State{connect.Running, connect.Paused, connect.Stopped} {
		for _, killed := range []string{"move", "rollback"} {
			for _, next := range []string{"move", "rollback"} {
				if state == connect.Running && killed == next {
					continue // TestKilledAtEveryRequest
				}
				for _, answered := range []bool{true, false} {
					cases++
					which := cases
					t.Run(fmt.Sprintf("%s/%s then %s/carried_out=%v", state, killed, next, answered), func(t *testing.T) {
						t.Parallel()
						pairtest.AtEveryThirdRequest(t, which, func(t *testing.T, request int) bool { return killThen(t, state, killed, next, request, answered) })
					})
				}
			}
		}
	}
}

func killThen(t *testing.T, state connect.State, killed, next string, request int, answered bool) (done bool) {
	w := newWorld(t, true)
	w.Run(pairtest.SlowSource())
	w.rest(w.Global, state)
	do := map[string]func() event.ConnectorResult{"move": w.move, "rollback": w.rollback}
	done = w.killThen(state, killed, next, time.Minute, request, answered, func(command string) event.ConnectorResult { return do[command]() })
	w.Exact()
	return done
}

// killThen kills one command at a request, runs the next one, and makes sure that the
// connector ends where that one says. Before a rollback the copy has had time to make
// progress.
func (w *world) killThen(state connect.State, killed, next string, goOn time.Duration, request int, answered bool, run func(command string) event.ConnectorResult) (done bool) {
	t := w.T
	t.Helper()
	if killed == "rollback" {
		w.Expect(run("move"), event.Moved, connect.Stopped, state)
		w.Pass(goOn)
	}
	w.Line.Cut(request, answered)
	run(killed)
	done = w.Line.Sent < request
	w.Line.Cut(0, false)

	result := run(next)
	if result.Outcome == event.Refused && next == "move" && killed == "rollback" {
		// A rollback that has begun is to be finished first.
		if result := run("rollback"); result.Outcome != event.RolledBack {
			t.Errorf("rollback after a refused move: %s: %s", result.Outcome, result.Message)
		}
		result = run("move")
	}
	switch result.Outcome {
	case event.Moved, event.Unchanged, event.RolledBack, event.PutBack:
	default:
		t.Errorf("%s after a kill: %s: %s", next, result.Outcome, result.Message)
	}
	owner := w.Global
	if next == "move" {
		owner = w.Europe
		w.At(connect.Stopped, state)
	} else if left := w.State(w.Europe); left != "" && left != connect.Stopped {
		t.Errorf("%s on europe after a rollback", left)
	}
	w.Await(owner, state)
	if state != connect.Running {
		if err := owner.Client().Resume(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
	}
	return done
}

// rest brings the connector to a state and waits for it.
func (w *world) rest(cluster *connecttest.Cluster, state connect.State) {
	w.T.Helper()
	client := cluster.Client()
	ask := map[connect.State]func() error{
		connect.Running: func() error { return nil },
		connect.Paused:  func() error { return client.Pause(w.T.Context(), orders) },
		connect.Stopped: func() error { return client.Stop(w.T.Context(), orders) },
	}[state]
	if err := ask(); err != nil {
		w.T.Fatal(err)
	}
	w.Pass(10 * time.Second)
}
