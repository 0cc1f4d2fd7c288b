package move

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

const noLogin = "org.apache.kafka.connect.errors.ConnectException: login refused"

// failCopies answers every write of offsets on a cluster with a failure while the connector
// stands still on the other.
func (w *world) failCopies(on, other *connecttest.Cluster) {
	on.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		if kinds["patch"](r) && w.State(other) == connect.Stopped {
			answerError(rw, http.StatusInternalServerError, "disk full")
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *world) status() event.ConnectorResult { return w.mover().Status(w.T.Context(), w.Request()) }

// down expects a result that says that the connector is down, what has failed and what to do.
func (w *world) down(result event.ConnectorResult, on string, says ...string) {
	w.T.Helper()
	if result.Outcome != event.Down {
		w.T.Fatalf("outcome %s, want down: %s", result.Outcome, result.Message)
	}
	for _, said := range append(says, noLogin) {
		if !strings.Contains(result.Message, said) {
			w.T.Errorf("%q lacks %q", result.Message, said)
		}
	}
	if want := "/connectors/orders/restart?includeTasks=true&onlyFailed=true"; !strings.Contains(result.Instructions, "worker-1."+on+want) {
		w.T.Errorf("advises %q, want %s of %s in it", result.Instructions, want, on)
	}
}

// The connector says RUNNING and its tasks cannot start again: nobody may say that all is
// well, whatever is asked.
func TestTasksThatCannotStartAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.failCopies(w.Europe, w.Global)
		w.Global.FailStarts(orders, noLogin)

		result := w.move()
		w.down(result, "global", "disk full; and it was not put back: put back on global: tasks 0, 1 FAILED: ")
		if tasks := result.OriginTasks; len(tasks) != 2 || tasks[0].State != connect.Failed || tasks[1].Trace != noLogin {
			t.Errorf("the tasks on global are %+v", tasks)
		}
		w.At(connect.Running, connect.Stopped)
		w.down(w.status(), "global", "prepared: RUNNING with 2 tasks, 2 FAILED on global, ")
		w.down(w.rollback(), "global")
		w.down(w.rollback(), "global")
		w.down(w.steps().Start(t.Context(), instance.Instance{Cluster: w.Request().Origin, Name: orders}, nil), "global")
		checked := w.mover().Check(t.Context(), w.Request())
		if len(checked.Checks) < 2 || checked.Checks[1].Check != "tasks" || !strings.Contains(checked.Checks[1].Reason, "tasks 0, 1 FAILED: "+noLogin) {
			t.Errorf("check says %+v", checked.Checks)
		}

		// Once the cause is mended, the rollback restarts them.
		w.Global.FailStarts(orders, "")
		w.Europe.Intercept(nil)
		w.Expect(w.rollback(), event.PutBack, connect.Running, connect.Stopped)
		if status, err := w.Global.Client().Status(t.Context(), orders); err != nil || !status.AllTasks(connect.Running) {
			t.Errorf("%+v, %v", status, err)
		}
		w.Expect(w.status(), event.Observed, connect.Running, connect.Stopped)
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// What keeps tasks from starting for a moment, such as a replication slot that is still in
// use, ends with a restart and not with a connector that is down.
func TestTasksThatStartAtTheSecondTry(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.failCopies(w.Europe, w.Global)
		w.Global.FailStarts(orders, noLogin)
		w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/restart") {
				w.Global.FailStarts(orders, "")
			}
			next.ServeHTTP(rw, r)
		})
		result := w.move()
		w.Expect(result, event.Failed, connect.Running, "")
		if !strings.HasSuffix(result.Message, "orders is on global as before") {
			t.Errorf("says %q", result.Message)
		}
		w.Exact()
	})
}

// A task that had failed before the move is as before when it fails again.
func TestTasksThatHadFailedBefore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Global.FailTask(orders, 1, noLogin)
		w.Pass(time.Second)
		w.failCopies(w.Europe, w.Global)
		w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			if kinds["resume"](r) {
				time.AfterFunc(500*time.Millisecond, func() { w.Global.FailTask(orders, 1, noLogin) })
			}
		})
		result := w.move()
		if result.Outcome != event.Failed || !strings.HasSuffix(result.Message, "orders is on global as before") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.down(w.status(), "global")
	})
}

// A task that fails a moment after its start is seen: the put-back watches it as long as a
// start.
func TestTasksThatFailAMomentLater(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.failCopies(w.Europe, w.Global)
		w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			if kinds["resume"](r) {
				time.AfterFunc(1500*time.Millisecond, func() {
					w.Global.FailStarts(orders, noLogin)
					w.Global.FailTask(orders, 1, noLogin)
				})
			}
		})
		w.down(w.move(), "global", "put back on global: task 1 FAILED: ")
	})
}

// A moved connector whose tasks fail later is not "nothing to do".
func TestMovedAndDown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Europe.FailTask(orders, 1, noLogin)
		w.Pass(time.Second)
		w.down(w.move(), "europe", "is moved, but on europe: task 1 FAILED: ")
		w.down(w.mover().Check(t.Context(), w.Request()), "europe")
		w.down(w.status(), "europe", "moved: STOPPED on global, RUNNING with 2 tasks, 1 FAILED on europe")
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

// A rollback to an origin whose tasks cannot start any more says so.
func TestRollbackThatCannotStart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Global.FailStarts(orders, noLogin)
		w.down(w.rollback(), "global", "stopped on europe, and does not run on global: ")
		w.down(w.status(), "global")
		w.down(w.rollback(), "global")
		w.Global.FailStarts(orders, "")
		w.Expect(w.rollback(), event.PutBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}
