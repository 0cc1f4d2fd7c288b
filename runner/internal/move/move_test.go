package move

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func TestMoveThereAndBack(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 3))
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		kind, limit := event.Timed, int64(5000)
		if w.Hard {
			kind, limit = event.Hard, 1000
		}
		if result.Proof.Kind != kind || result.Entries != 3 || *result.DowntimeMS > limit || result.Copy != "rest" {
			w.T.Errorf("proof %+v, %d entries, down for %d ms", result.Proof, result.Entries, *result.DowntimeMS)
		}
		if result.OffsetsHash.Origin != result.OffsetsHash.Target || result.ConfigHash.Origin != result.ConfigHash.Target {
			w.T.Errorf("hashes differ: %+v %+v", result.OffsetsHash, result.ConfigHash)
		}
		w.Expect(w.move(), event.Unchanged, connect.Stopped, connect.Running)
		w.Pass(time.Minute)
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Expect(w.rollback(), event.Unchanged, connect.Running, connect.Stopped)
		w.Pass(time.Minute)
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

func TestRestingConnectorsStayAtRest(t *testing.T) {
	for _, state := range []connect.State{connect.Paused, connect.Stopped} {
		t.Run(string(state), func(t *testing.T) {
			inWorld(t, func(_ *testing.T, w *world) {
				w.Run(connecttest.SourceConfig(topic, 2))
				rest := w.Global.Client().Stop
				if state == connect.Paused {
					rest = w.Global.Client().Pause
				}
				if err := rest(w.T.Context(), orders); err != nil {
					w.T.Fatal(err)
				}
				w.Await(w.Global, state)
				w.Expect(w.move(), event.Moved, connect.Stopped, state)
				w.Expect(w.move(), event.Unchanged, connect.Stopped, state)
				w.Expect(w.rollback(), event.RolledBack, state, connect.Stopped)
				w.Expect(w.rollback(), event.Unchanged, state, connect.Stopped)
				w.Expect(w.move(), event.Moved, connect.Stopped, state)
				if err := w.Europe.Client().Resume(w.T.Context(), orders); err != nil {
					w.T.Fatal(err)
				}
				w.Exact()
			})
		})
	}
}

func TestRefusedBeforeAnythingStops(t *testing.T) {
	source := connecttest.SourceConfig(topic, 2)
	other := source.With("topic", rawjson.String("other"))
	for name, test := range map[string]struct {
		config  rawjson.Object
		target  []connecttest.Option
		prepare func(w *world)
		change  func(*pair.Request)
		outcome event.Outcome
		says    string
	}{
		"unknown connector": {config: source, change: func(r *pair.Request) { r.Connector = "order" }, says: `"order" does not exist on global`},
		"ordered-map keys":  {config: connecttest.OrderedMapConfig(topic, 2), says: "offsets cannot travel by REST: null for 2 partitions"},
		"plugin missing":    {config: source, target: []connecttest.Option{connecttest.WithPlugins(connecttest.DefaultPlugins()[2])}, says: "europe lacks the plugin"},
		"config refused":    {config: source, change: func(r *pair.Request) { r.Set = map[string]string{"tasks.max": "none"} }, says: "europe refuses the config: tasks.max"},
		"plugin refuses offsets": {
			config: source,
			target: []connecttest.Option{connecttest.WithPlugins(connecttest.Plugin{Plugin: connecttest.DefaultPlugins()[0].Plugin, RefusesOffsets: "not for me"})},
			says:   "does not take the offsets in a rehearsal: not for me",
		},
		"target too old":      {config: source, target: []connecttest.Option{connecttest.WithVersion("3.6.2")}, says: "cluster europe has version 3.6.2, to create a connector stopped needs Apache Kafka 3.7 or later"},
		"masked value":        {config: source.With("db.password", rawjson.String("****")), says: "global hides the value of db.password"},
		"name taken, stopped": {config: source, prepare: func(w *world) { w.create(w.Europe, other, connect.Stopped) }, says: "another config (topic)"},
		"name taken, running": {config: source, prepare: func(w *world) { w.create(w.Europe, other, connect.Running) }, says: "is taken on europe by a different connector"},
		"runs twice": {
			config: source, prepare: func(w *world) { w.create(w.Europe, source.With("name", rawjson.String(orders)), connect.Running) },
			outcome: event.RunningTwice, says: "runs on both global and europe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, false, test.target...)
				w.Run(test.config)
				if test.prepare != nil {
					test.prepare(w)
				}
				before := w.State(w.Europe)
				request := w.Request()
				if test.change != nil {
					test.change(&request)
				}
				result := w.mover().Move(t.Context(), request)
				outcome := test.outcome
				if outcome == "" {
					outcome = event.Refused
				}
				w.Expect(result, outcome, connect.Running, before)
				if !strings.Contains(result.Message, test.says) || strings.Contains(result.Message, "\n") {
					t.Errorf("says %q, want %q in it", result.Message, test.says)
				}
				if runs := w.Kafka.Runs(orders); slices.ContainsFunc(runs, func(run connecttest.Run) bool { return run.Cluster == "global" && !run.To.IsZero() }) {
					t.Errorf("a task on global was stopped: %+v", runs)
				}
			})
		})
	}
}

func (w *world) create(cluster *connecttest.Cluster, config rawjson.Object, state connect.State) {
	w.T.Helper()
	if err := cluster.Client().Create(w.T.Context(), orders, config, state); err != nil {
		w.T.Fatal(err)
	}
	w.Await(cluster, state)
}

func TestFailureBeforeTheStartPutsBack(t *testing.T) {
	for name, intercept := range map[string]connecttest.Interceptor{
		"offsets are not taken once it stands still": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch && slices.Contains([]string{"2", "3", "4", "5"}, r.Header.Get("seen")) {
				http.Error(w, `{"error_code":500,"message":"disk full"}`, http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(_ *testing.T, w *world) {
				w.Run(connecttest.SourceConfig(topic, 2))
				patches := 0
				w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.Method == http.MethodPatch {
						patches++
						r.Header.Set("seen", string(rune('0'+min(patches, 9))))
					}
					intercept(rw, r, next)
				})
				result := w.move()
				w.Expect(result, event.Failed, connect.Running, "")
				if !strings.Contains(result.Message, "disk full") || !strings.HasSuffix(result.Message, "orders is on global as before") {
					w.T.Errorf("says %q", result.Message)
				}
				w.Europe.Intercept(nil)
				w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				w.Exact()
			})
		})
	}
}

func TestTaskThatNeverPausesIsNotProven(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 1).With("poll.block.ms", rawjson.String("150000")))
		result := w.move()
		if result.Outcome != event.NotProven || !strings.Contains(result.Message, "task 0 RUNNING") || !strings.Contains(result.Instructions, "--timeout") {
			w.T.Fatalf("%s: %s; %s", result.Outcome, result.Message, result.Instructions)
		}
		w.Pass(10 * time.Minute)
		w.Await(w.Global, connect.Running)
		if got := w.State(w.Europe); got != "" {
			w.T.Errorf("europe has a copy: %s", got)
		}
		w.Exact()
	})
}

func TestSlowPollIsWaitedFor(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 2).With("poll.block.ms", rawjson.String("15000")).With("batch.size", rawjson.String("10")))
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

func TestCopyThatFailsIsRolledBack(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 2))
		w.Europe.FailStarts(orders, "java.net.ConnectException: no route\n\tat x")
		result := w.move()
		w.Expect(result, event.RolledBack, connect.Running, connect.Stopped)
		if !strings.Contains(result.Message, "java.net.ConnectException: no route; rolled back to global") {
			w.T.Errorf("says %q", result.Message)
		}
		w.Europe.FailStarts(orders, "")
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

func TestSomebodyResumesTheOrigin(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 2))
		stopped := false
		w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch && w.hasStopped() && !stopped {
				stopped = true
				if err := w.Global.Client().Resume(context.Background(), orders); err != nil {
					w.T.Error(err)
				}
				w.Await(w.Global, connect.Running)
			}
			next.ServeHTTP(rw, r)
		})
		result := w.move()
		w.Expect(result, event.Failed, connect.Running, connect.Stopped)
		if !strings.Contains(result.Message, "another run or somebody started the connector on global: it is RUNNING there") {
			w.T.Errorf("says %q", result.Message)
		}
		w.Exact()
	})
}

func (w *world) hasStopped() bool {
	status, err := w.Global.Client().Status(context.Background(), orders)
	return err == nil && status.Connector.State == connect.Stopped
}

func TestStoppedCopyWithNewerOffsetsIsNotOverwritten(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 2))
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(time.Minute)
		if err := w.Europe.Client().Stop(w.T.Context(), orders); err != nil {
			w.T.Fatal(err)
		}
		w.Await(w.Europe, connect.Stopped)
		result := w.move()
		w.Expect(result, event.Refused, connect.Stopped, connect.Stopped)
		if !strings.Contains(result.Message, "the copy on europe has run and was stopped") {
			w.T.Errorf("says %q", result.Message)
		}
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

func TestOffsetsKeepEveryDigit(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		config := connecttest.SourceConfig(topic, 1).With("poll.block.ms", rawjson.String("60000"))
		w.create(w.Global, config, connect.Stopped)
		partition := rawjson.Object{}.With("table", rawjson.String("a.b")).Value()
		exact, err := rawjson.Parse([]byte(`{"timestamp":9007199254740993,"connector.class":"x"}`))
		if err != nil {
			w.T.Fatal(err)
		}
		w.Global.PutOffset(orders, partition, exact)
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Stopped)
		value, err := w.Europe.Client().Offsets(w.T.Context(), orders)
		if err != nil {
			w.T.Fatal(err)
		}
		copied, err := offset.Parse(value)
		if err != nil || copied.Len() != 1 || !rawjson.Equal(copied.Entries()[0].Offset, exact) {
			w.T.Errorf("%s arrived, %v", value, err)
		}
	})
}

func TestSinkOnTheSameKafka(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Kafka.Produce("in", 2, 50_000)
		w.Run(connecttest.SinkConfig("in", topic).With("poll.block.ms", rawjson.String("100")))
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if result.Copy != "shared" || w.Hard && result.Proof.Group != "connect-orders" {
			w.T.Errorf("copy %s, proof %+v", result.Copy, result.Proof)
		}
		w.Exact()
	})
}
