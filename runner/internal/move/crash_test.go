package move

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// TestFaultOfFerryAtEveryRequest makes ferry panic at each request of a move: the
// connector is put back or moved, the next run finishes the rest, and the message holds
// no value.
func TestFaultOfFerryAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of moves in virtual time take a while")
	}
	faults := 0
	for request, done := int64(1), false; !done; request++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.Run(pairtest.SlowSource())
			var sent atomic.Int64
			faulty := w.Request()
			for cluster, client := range map[*connecttest.Cluster]**connect.Client{w.Global: &faulty.Origin.Client, w.Europe: &faulty.Target.Client} {
				var err error
				*client, err = connect.New(connect.Options{
					Workers: cluster.URLs(), Transport: cluster.Transport(),
					Authorize: func(*http.Request) error {
						if sent.Add(1) == request {
							panic("config with a planted-secret")
						}
						return nil
					},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			var result event.ConnectorResult
			err := func() (err error) {
				defer crash.Catch(&err) // what cli does for what happens between two steps
				result = w.mover().Move(t.Context(), faulty)
				return nil
			}()
			done = sent.Load() < request
			said := result.Message
			if err != nil {
				said = err.Error()
			}
			if strings.Contains(said, "planted-secret") {
				t.Errorf("tells the secret: %s", said)
			}
			if strings.Contains(said, "ferry itself failed") {
				faults++
			}
			switch result.Outcome {
			case event.Failed:
				// A copy that was created in the step that panicked may be left, at rest.
				if target := w.State(w.Europe); w.State(w.Global) != connect.Running || target != "" && target != connect.Stopped {
					t.Errorf("%s on global, %s on europe", w.State(w.Global), target)
				}
			case event.RolledBack:
				w.Expect(result, event.RolledBack, connect.Running, connect.Stopped)
			default: // after the start, or between two steps
			}
			if again := w.move(); again.Outcome != event.Moved && again.Outcome != event.Unchanged {
				t.Errorf("move after a fault: %s: %s", again.Outcome, again.Message)
			}
			w.At(connect.Stopped, connect.Running)
			w.Exact()
			if t.Failed() {
				t.Logf("%s at %s: %s", result.Outcome, result.FailedAt, said)
			}
		})
		if t.Failed() {
			t.Fatalf("at request %d", request)
		}
	}
	if faults < 20 {
		t.Errorf("%d faults were told, so this test tries less than it says", faults)
	}
}
