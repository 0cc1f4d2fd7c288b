package move

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// TestDeletedAtEveryRequest has somebody delete the connector on one cluster at each request
// of a move, and of a rollback. The advice that is printed is carried out, and nothing is
// lost or sent twice.
func TestDeletedAtEveryRequest(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	for name, test := range map[string]struct {
		hard, back, target, lingers bool
	}{
		"the origin in a move": {hard: true}, "the origin in a move, timed": {},
		"the copy in a move": {hard: true, target: true}, "the copy in a move, timed": {target: true},
		"the origin in a rollback":                     {hard: true, back: true},
		"the target in a rollback":                     {hard: true, back: true, target: true},
		"the target in a timed rollback":               {back: true, target: true},
		"the origin in a move, its status lingers":     {hard: true, lingers: true},
		"the copy in a move, its status lingers":       {hard: true, target: true, lingers: true},
		"the origin in a rollback, its status lingers": {hard: true, back: true, lingers: true},
		"the target in a rollback, its status lingers": {hard: true, back: true, target: true, lingers: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairtest.AtEveryRequest(t, func(t *testing.T, request int) (done bool) {
				w := newWorld(t, test.hard)
				w.Run(pairtest.SlowSource())
				run := w.move
				if test.back {
					w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
					w.Pass(70 * time.Second)
					run = w.rollback
				}
				victim := w.Global
				if test.target {
					victim = w.Europe
				}
				remove := func() { w.remove(victim) }
				if test.lingers {
					remove = w.removeSlowly(victim)
				}
				w.Line.Cut(request, false)
				w.Line.OnCut = remove
				result := run()
				done = w.Line.Sent < request
				w.Line.Cut(0, false)
				w.calm()
				w.followAdvice(result, request%2 == 0)
				w.Exact()
				if t.Failed() {
					t.Logf("%s at %s: %s; %s; %+v", result.Outcome, result.FailedAt, result.Message, result.Instructions, result.Steps)
				}
				return done
			})
		})
	}
}

func (w *world) remove(cluster *connecttest.Cluster) {
	if err := cluster.Client().Delete(w.T.Context(), orders); err != nil && !connect.IsNotFound(err) {
		w.T.Error(err)
	}
}

// removeSlowly returns a remove after which the last status can be read for a moment, as on
// real workers: they remove it from the status topic when they follow the config topic.
func (w *world) removeSlowly(cluster *connecttest.Cluster) func() {
	var last []byte
	var removed time.Time
	cluster.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/status") {
			next.ServeHTTP(rw, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		switch {
		case answer.Code == http.StatusOK:
			last = answer.Body.Bytes()
		case last != nil && !removed.IsZero() && time.Since(removed) < 300*time.Millisecond:
			answer = httptest.NewRecorder()
			answer.Header().Set("Content-Type", "application/json")
			_, _ = answer.Write(last)
		}
		maps.Copy(rw.Header(), answer.Header())
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(answer.Body.Bytes())
	})
	return func() {
		if _, err := cluster.Client().Status(w.T.Context(), orders); err != nil && !connect.IsNotFound(err) {
			w.T.Error(err)
		}
		w.remove(cluster)
		removed = time.Now()
	}
}

var recreate = regexp.MustCompile("`ferry create-stopped --cluster (global|europe) --from (global|europe) --connector orders --was-state running`")

var start = regexp.MustCompile("`ferry start --cluster (global|europe) --connector orders`")

// followAdvice carries out what a result says to do, until the connector runs on one cluster.
func (w *world) followAdvice(result event.ConnectorResult, forward bool) {
	w.T.Helper()
	if result.Instructions == "" { // it was deleted after the end
		result = w.status()
	}
	if found := recreate.FindStringSubmatch(result.Instructions); found != nil {
		if result.Outcome != event.Down && result.Outcome != event.Unchanged && result.Outcome != event.Observed {
			w.T.Errorf("outcome %s", result.Outcome)
		}
		w.recreate(found[1], found[2])
		switch then := start.FindStringSubmatch(result.Instructions); {
		case then != nil && (forward || !strings.Contains(result.Instructions, "`ferry rollback`")):
			side := map[string]*cluster.Cluster{"global": w.Request().Origin, "europe": w.Request().Target}[then[1]]
			result = w.steps().Start(w.T.Context(), instance.Instance{Cluster: side, Name: orders}, nil)
		case forward && strings.Contains(result.Instructions, "`ferry move`"):
			result = w.move()
		default:
			result = w.rollback()
		}
	}
	global, europe := w.State(w.Global), w.State(w.Europe)
	switch {
	case global == connect.Running || europe == connect.Running:
	case global == "" && europe == "": // deleted before anything began; it is for its owner to make it again
		w.create(w.Global, pairtest.SlowSource(), connect.Running)
	default:
		w.T.Fatalf("%s on global, %s on europe: %s: %s; %s", global, europe, result.Outcome, result.Message, result.Instructions)
	}
}

func (w *world) recreate(on, from string) {
	w.T.Helper()
	request := w.Request()
	sides := map[string]*cluster.Cluster{"global": request.Origin, "europe": request.Target}
	settings, err := w.steps().ReadConfig(w.T.Context(), instance.Instance{Cluster: sides[from], Name: orders})
	if err != nil {
		w.T.Fatal(err)
	}
	created := w.steps().CreateStopped(w.T.Context(), pair.Request{Origin: sides[from], Target: sides[on], Connector: orders}, settings, connect.Running)
	if created.Outcome != event.Created {
		w.T.Fatalf("%s: %s", created.Outcome, created.Message)
	}
}
