package move

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

const hangs = "a hanging transaction keeps exactly-once tasks from starting"

func newExactWorld(t *testing.T) *world {
	t.Helper()
	exactlyOnce := []connecttest.Option{connecttest.WithExactlyOnce()}
	w := newWorldOf(t, true, exactlyOnce, exactlyOnce)
	w.Run(pairtest.SlowSource())
	return w
}

// A connector that could not start again is not stopped.
func TestHangingIsRefused(t *testing.T) {
	for _, side := range []string{"global", "europe"} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newExactWorld(t)
				cluster := map[string]*connecttest.Cluster{"global": w.Global, "europe": w.Europe}[side]
				cluster.Hang()
				result := w.move()
				w.Expect(result, event.Refused, connect.Running, "")
				for _, said := range []string{side + ": ", hangs, "kafka-transactions.sh", cluster.OffsetTopicName()} {
					if !strings.Contains(result.Message, said) {
						t.Errorf("%s lacks %q", result.Message, said)
					}
				}
				cluster.Unhang()
				w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				w.Exact()
			})
		})
	}
}

// A transaction that begins to hang too late for a refusal is reported at once. Once it
// is aborted, the connector is back without another command.
func TestHangingWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExactWorld(t)
		begun := false
		w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if !begun && kinds["pause"](r) {
				begun = true
				w.Global.Hang()
				w.restart(w.Global)
			}
			next.ServeHTTP(rw, r)
		})
		asked := time.Now()
		result := w.move()
		if result.Outcome != event.Down || !strings.Contains(result.Message, hangs) || !strings.Contains(result.Message, "which it will be once it can start") ||
			!strings.Contains(result.Instructions, "kafka-transactions.sh") {
			t.Fatalf("%s: %s; %s", result.Outcome, result.Message, result.Instructions)
		}
		if took := time.Since(asked); took > time.Minute {
			t.Errorf("it took %s to say so", took)
		}
		w.Global.Unhang()
		w.Await(w.Global, connect.Running)
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// The failure names what keeps the copy from starting, and the connector continues where
// it was.
func TestHangingAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newExactWorld(t)
		w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if kinds["resume"](r) {
				w.Europe.Hang()
			}
			next.ServeHTTP(rw, r)
		})
		result := w.move()
		if !strings.Contains(result.Message, "on europe: ") || !strings.Contains(result.Message, hangs) || !strings.Contains(result.Instructions, "kafka-transactions.sh") {
			t.Errorf("%s: %s; %s", result.Outcome, result.Message, result.Instructions)
		}
		w.At(connect.Running, connect.Unassigned)
		w.Europe.Unhang()
		w.Exact()
		w.At(connect.Running, connect.Stopped)
	})
}

// restart restarts the connector and all of its tasks.
func (w *world) restart(cluster *connecttest.Cluster) {
	w.T.Helper()
	request, err := http.NewRequestWithContext(w.T.Context(), http.MethodPost, cluster.URLs()[0]+"/connectors/"+w.Name+"/restart?includeTasks=true", nil)
	if err != nil {
		w.T.Fatal(err)
	}
	response, err := cluster.Transport().RoundTrip(request)
	if err != nil {
		w.T.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode/100 != 2 {
		w.T.Fatal(response.Status, err)
	}
}
