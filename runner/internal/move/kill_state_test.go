package move

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// TestKilledWithAnyStateAndAnyNextCommand kills a move or a rollback of a running, paused
// or stopped connector at each request, and then runs the same command again or the
// opposite one. The connector ends where the last command says, in the state it had.
func TestKilledWithAnyStateAndAnyNextCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	for _, state := range []connect.State{connect.Running, connect.Paused, connect.Stopped} {
		for _, killed := range []string{"move", "rollback"} {
			for _, next := range []string{"move", "rollback"} {
				if state == connect.Running && killed == next {
					continue // TestKilledAtEveryRequest
				}
				for _, answered := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%s then %s/carried_out=%v", state, killed, next, answered), func(t *testing.T) {
						t.Parallel()
						atEveryRequest(t, func(t *testing.T, request int) bool { return killThen(t, state, killed, next, request, answered) })
					})
				}
			}
		}
	}
}

// atEveryRequest calls play in virtual time with the number of the request at which to
// kill, until play reports that there were fewer requests.
func atEveryRequest(t *testing.T, play func(t *testing.T, request int) (done bool)) {
	t.Helper()
	for request, done := 1, false; !done; request++ {
		synctest.Test(t, func(t *testing.T) { done = play(t, request) })
		if t.Failed() {
			t.Fatalf("when killed at request %d", request)
		}
	}
}

func killThen(t *testing.T, state connect.State, killed, next string, request int, answered bool) (done bool) {
	w := newWorld(t, true)
	w.run(slowSource())
	w.rest(w.global, state)
	do := map[string]func() event.ConnectorResult{"move": w.move, "rollback": w.rollback}
	done = w.killThen(state, killed, next, time.Minute, request, answered, func(command string) event.ConnectorResult { return do[command]() })
	w.exact()
	return done
}

// killThen kills one command at a request, runs the next one, and makes sure that the
// connector ends where that one says. Before a rollback the copy has had time to make
// progress.
func (w *world) killThen(state connect.State, killed, next string, goOn time.Duration, request int, answered bool, run func(command string) event.ConnectorResult) (done bool) {
	t := w.t
	t.Helper()
	if killed == "rollback" {
		w.expect(run("move"), event.Moved, connect.Stopped, state)
		w.pass(goOn)
	}
	w.line.Cut(request, answered)
	run(killed)
	done = w.line.Sent < request
	w.line.Cut(0, false)

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
	owner := w.global
	if next == "move" {
		owner = w.europe
		w.at(connect.Stopped, state)
	} else if left := w.state(w.europe); left != "" && left != connect.Stopped {
		t.Errorf("%s on europe after a rollback", left)
	}
	w.await(owner, state)
	if state != connect.Running {
		if err := owner.Client().Resume(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
	}
	return done
}

// rest brings the connector to a state and waits for it.
func (w *world) rest(cluster *connecttest.Cluster, state connect.State) {
	w.t.Helper()
	client := cluster.Client()
	ask := map[connect.State]func() error{
		connect.Running: func() error { return nil },
		connect.Paused:  func() error { return client.Pause(w.t.Context(), orders) },
		connect.Stopped: func() error { return client.Stop(w.t.Context(), orders) },
	}[state]
	if err := ask(); err != nil {
		w.t.Fatal(err)
	}
	w.pass(10 * time.Second)
}
