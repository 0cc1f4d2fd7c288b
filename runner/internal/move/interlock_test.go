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
		w.Run(connecttest.SourceConfig(topic, 2))
		request := w.Request()
		client, err := connect.New(connect.Options{Workers: w.Europe.URLs(), Transport: roundTripper(func(sent *http.Request) (*http.Response, error) {
			if strings.HasSuffix(sent.URL.Path, "/resume") {
				if err := w.Global.Client().Resume(t.Context(), orders); err != nil {
					t.Error(err)
				}
			}
			return w.Europe.Transport().RoundTrip(sent)
		})})
		if err != nil {
			t.Fatal(err)
		}
		request.Target.Client = client
		w.Expect(w.mover().Move(t.Context(), request), event.RunningTwice, connect.Running, connect.Stopped)
		if overlaps := w.Kafka.Overlaps(); len(overlaps) == 0 {
			t.Error("nothing ran twice, so this has shown nothing")
		}
	})
}

// TestResumedBeforeTheWorkersFollow has somebody resume the origin while the offsets are
// copied, which its worker does not show for two seconds. The config topic shows it; if
// that is not known, the watch notices, as above.
func TestResumedBeforeTheWorkersFollow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if !w.Hard {
			return
		}
		w.Run(connecttest.SourceConfig(topic, 2))
		request := w.Request()
		resumed := false
		client, err := connect.New(connect.Options{Workers: w.Europe.URLs(), Transport: roundTripper(func(sent *http.Request) (*http.Response, error) {
			// The first PATCH is the rehearsal's.
			if status, err := w.Global.Client().Status(t.Context(), orders); sent.Method == http.MethodPatch && err == nil && status.Connector.State == connect.Stopped {
				w.Global.SetLag(0, 2*time.Second)
				resumed = true
				if err := w.Global.Client().Resume(t.Context(), orders); err != nil {
					t.Error(err)
				}
			}
			return w.Europe.Transport().RoundTrip(sent)
		})})
		if err != nil {
			t.Fatal(err)
		}
		request.Target.Client = client
		got := w.mover().Move(t.Context(), request)
		w.Pass(10 * time.Second)
		if !resumed || got.Outcome != event.Failed || !strings.Contains(got.Message, "its resume is written") {
			t.Errorf("resumed: %t; %s: %s", resumed, got.Outcome, got.Message)
		}
		if here, there := w.State(w.Global), w.State(w.Europe); here != connect.Running || there != connect.Stopped {
			t.Errorf("%s on global, %s on europe", here, there)
		}
		w.Exact()
	})
}

// TestResumedBeforeTheStop has a reconciler resume the origin just before it is stopped.
// The stop takes effect, but the reconciler may resume again.
func TestResumedBeforeTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(connecttest.SourceConfig(topic, 2))
		w.resumedAt(w.Global, kinds["stop"], w.Global)
		result := w.move()
		if result.Outcome != event.Failed || !strings.Contains(result.Message, "such as a reconciler") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.At(connect.Running, "")
		w.Exact()
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
	})
}

// TestReconcilerIsRefused has somebody resume the running origin while the move is
// prepared. Then nothing is stopped.
func TestReconcilerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(connecttest.SourceConfig(topic, 2))
		w.resumedAt(w.Europe, kinds["create"], w.Global)
		result := w.move()
		w.Expect(result, event.Refused, connect.Running, "")
		if !strings.Contains(result.Message, "such as a reconciler") {
			t.Error(result.Message)
		}
		w.Exact()
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// The other way the copy runs on, and the next rollback takes it back.
func TestReconcilerOfTheCopyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(connecttest.SourceConfig(topic, 2))
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(time.Minute)
		w.resumedAt(w.Global, func(*http.Request) bool { return true }, w.Europe)
		result := w.rollback()
		w.Expect(result, event.Refused, connect.Stopped, connect.Running)
		if !strings.Contains(result.Message, "such as a reconciler") {
			t.Error(result.Message)
		}
		w.Exact()
		w.Expect(w.move(), event.Unchanged, connect.Stopped, connect.Running)
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

// resumedAt has somebody resume the connector on one cluster right before the first
// request of a kind is carried out by the same or the other.
func (w *world) resumedAt(seen *connecttest.Cluster, kind func(*http.Request) bool, resumed *connecttest.Cluster) {
	seen.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if kind(r) {
			seen.Intercept(nil)
			if err := resumed.Client().Resume(w.T.Context(), w.Name); err != nil {
				w.T.Error(err)
			}
		}
		next.ServeHTTP(rw, r)
	})
}
