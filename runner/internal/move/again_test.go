package move

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// aboutWorkers counts the requests that ask a cluster what its workers are and can.
func (w *world) aboutWorkers(of *connecttest.Cluster, asked *int) {
	of.Intercept(func(answer http.ResponseWriter, request *http.Request, next http.Handler) {
		if request.URL.Path == "/" || strings.HasPrefix(request.URL.Path, "/connector-plugins") {
			*asked++
		}
		next.ServeHTTP(answer, request)
	})
}

// TestCheckedJustBefore moves a connector that was checked right before, as a wave does it: the
// workers are not asked twice what they are, unless the answers may have changed.
func TestCheckedJustBefore(t *testing.T) {
	for name, test := range map[string]struct {
		between func(w *world, request *pair.Request)
		asks    bool
	}{
		"at once":                   {between: func(*world, *pair.Request) {}},
		"with other settings":       {func(_ *world, request *pair.Request) { request.Set = map[string]string{"header": "x"} }, true},
		"after a while":             {func(w *world, _ *pair.Request) { w.Pass(2 * time.Minute) }, true},
		"with another config since": {func(w *world, _ *pair.Request) { w.reconfigure(w.Global, connect.Running) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.Run(connecttest.SourceConfig(topic, 2))
				mover, request := w.mover(), w.Request()
				ready := mover.Check(t.Context(), request)
				if ready.Outcome != event.Ready {
					t.Fatal(ready.Message)
				}
				test.between(w, &request)
				asked := 0
				w.aboutWorkers(w.Global, &asked)
				w.aboutWorkers(w.Europe, &asked)
				got := mover.Move(t.Context(), request)
				w.Expect(got, event.Moved, connect.Stopped, connect.Running)
				if (asked > 0) != test.asks {
					t.Errorf("the workers were asked %d times what they are", asked)
				}
				if !test.asks && len(got.Checks) != len(ready.Checks) {
					t.Errorf("%+v, and before %+v", got.Checks, ready.Checks)
				}
				w.Exact()
			})
		})
	}
}

// reconfigure puts another config.
func (w *world) reconfigure(of *connecttest.Cluster, then connect.State) {
	w.T.Helper()
	config := connecttest.SourceConfig(topic, 2).With("header", rawjson.String("another"))
	if err := of.Client().PutConfig(w.T.Context(), w.Name, config); err != nil {
		w.T.Fatal(err)
	}
	w.Await(of, then)
}

// TestChangedSinceTheCheck has somebody change something between the check of a wave and the
// move of one of its connectors. The move must see it, though it does not ask the workers again.
func TestChangedSinceTheCheck(t *testing.T) {
	for name, test := range map[string]struct {
		between func(w *world)
		says    string
		target  connect.State // of what somebody else left on the target
	}{
		"another connector has the name": {func(w *world) {
			if err := w.Europe.Client().Create(w.T.Context(), orders, connecttest.SourceConfig("others", 1), connect.Stopped); err != nil {
				w.T.Fatal(err)
			}
			w.Await(w.Europe, connect.Stopped)
		}, "is taken on europe", connect.Stopped},
		"another config than planned": {func(w *world) { w.reconfigure(w.Global, connect.Running) }, "its config has changed since the plan was made", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.Run(connecttest.SourceConfig(topic, 2))
				mover, request := w.mover(), w.Request()
				settings, err := w.Global.Client().Config(t.Context(), orders)
				if err != nil {
					t.Fatal(err)
				}
				request.Planned = &pair.Planned{State: connect.Running, ConfigSHA256: settings.Value().SHA256()}
				if ready := mover.Check(t.Context(), request); ready.Outcome != event.Ready {
					t.Fatal(ready.Message)
				}
				test.between(w)
				if got := mover.Move(t.Context(), request); got.Outcome != event.Refused || !strings.Contains(got.Message, test.says) {
					t.Errorf("%s: %s", got.Outcome, got.Message)
				}
				w.At(connect.Running, test.target)
				w.Exact()
			})
		})
	}
}
