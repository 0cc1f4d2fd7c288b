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
)

// TestStartedOnTheOriginWithTheCopy has somebody resume the origin just as the copy is
// started, after the last look at the origin.
func TestStartedOnTheOriginWithTheCopy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.run(connecttest.SourceConfig(topic, 2))
		request := w.request()
		client, err := connect.New(connect.Options{Workers: w.europe.URLs(), Transport: roundTripper(func(sent *http.Request) (*http.Response, error) {
			if strings.HasSuffix(sent.URL.Path, "/resume") {
				if err := w.global.Client().Resume(t.Context(), orders); err != nil {
					t.Error(err)
				}
			}
			return w.europe.Transport().RoundTrip(sent)
		})})
		if err != nil {
			t.Fatal(err)
		}
		request.Target.Client = client
		w.expect(w.mover().Move(t.Context(), request), event.RunningTwice, connect.Running, connect.Stopped)
		if overlaps := w.kafka.Overlaps(); len(overlaps) == 0 {
			t.Error("nothing ran twice, so this has shown nothing")
		}
	})
}

// TestResumedBeforeTheWorkersFollow has somebody resume the origin while the offsets are
// copied, which its worker does not show for two seconds. The config topic shows it; if
// that is not known, the watch notices, as above.
func TestResumedBeforeTheWorkersFollow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if !w.hard {
			return
		}
		w.run(connecttest.SourceConfig(topic, 2))
		request := w.request()
		resumed := false
		client, err := connect.New(connect.Options{Workers: w.europe.URLs(), Transport: roundTripper(func(sent *http.Request) (*http.Response, error) {
			// The first PATCH is the rehearsal's.
			if status, err := w.global.Client().Status(t.Context(), orders); sent.Method == http.MethodPatch && err == nil && status.Connector.State == connect.Stopped {
				w.global.SetLag(0, 2*time.Second)
				resumed = true
				if err := w.global.Client().Resume(t.Context(), orders); err != nil {
					t.Error(err)
				}
			}
			return w.europe.Transport().RoundTrip(sent)
		})})
		if err != nil {
			t.Fatal(err)
		}
		request.Target.Client = client
		got := w.mover().Move(t.Context(), request)
		w.pass(10 * time.Second)
		if !resumed || got.Outcome != event.Failed || !strings.Contains(got.Message, "its resume is written") {
			t.Errorf("resumed: %t; %s: %s", resumed, got.Outcome, got.Message)
		}
		if here, there := w.state(w.global), w.state(w.europe); here != connect.Running || there != connect.Stopped {
			t.Errorf("%s on global, %s on europe", here, there)
		}
		w.exact()
	})
}

// TestResumedBeforeTheStop has a reconciler resume the origin just before it is stopped.
// The stop takes effect, but the reconciler may resume again.
func TestResumedBeforeTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run(connecttest.SourceConfig(topic, 2))
		w.resumedAt(w.global, kinds["stop"], w.global)
		result := w.move()
		if result.Outcome != event.Failed || !strings.Contains(result.Message, "such as a reconciler") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.at(connect.Running, "")
		w.exact()
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
	})
}

// TestReconcilerIsRefused has somebody resume the running origin while the move is
// prepared. Then nothing is stopped.
func TestReconcilerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run(connecttest.SourceConfig(topic, 2))
		w.resumedAt(w.europe, kinds["create"], w.global)
		result := w.move()
		w.expect(result, event.Refused, connect.Running, "")
		if !strings.Contains(result.Message, "such as a reconciler") {
			t.Error(result.Message)
		}
		w.exact()
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.exact()
	})
}

// The other way the copy runs on, and the next rollback takes it back.
func TestReconcilerOfTheCopyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run(connecttest.SourceConfig(topic, 2))
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.pass(time.Minute)
		w.resumedAt(w.global, func(*http.Request) bool { return true }, w.europe)
		result := w.rollback()
		w.expect(result, event.Refused, connect.Stopped, connect.Running)
		if !strings.Contains(result.Message, "such as a reconciler") {
			t.Error(result.Message)
		}
		w.exact()
		w.expect(w.move(), event.Unchanged, connect.Stopped, connect.Running)
		w.expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.exact()
	})
}

// resumedAt has somebody resume the connector on one cluster right before the first
// request of a kind is carried out by the same or the other.
func (w *world) resumedAt(seen *connecttest.Cluster, kind func(*http.Request) bool, resumed *connecttest.Cluster) {
	seen.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if kind(r) {
			seen.Intercept(nil)
			if err := resumed.Client().Resume(w.t.Context(), w.name); err != nil {
				w.t.Error(err)
			}
		}
		next.ServeHTTP(rw, r)
	})
}
