package move

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// kinds are the requests that a run sends, and how to recognize them.
var kinds = map[string]func(*http.Request) bool{
	"create": func(r *http.Request) bool { return r.Method == http.MethodPost },
	"put config": func(r *http.Request) bool {
		return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/config")
	},
	"pause":  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/pause") },
	"stop":   func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/stop") },
	"resume": func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/resume") },
	"patch":  func(r *http.Request) bool { return r.Method == http.MethodPatch },
	"get status": func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/status")
	},
	"get tasks": func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/tasks")
	},
	"get offsets": func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/offsets")
	},
	"get config": func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/config")
	},
	"get plugins":  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/connector-plugins") },
	"validate":     func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/validate") },
	"everything":   func(*http.Request) bool { return true },
	"get a server": func(r *http.Request) bool { return r.URL.Path == "/" },
}

// faults are the ways in which a request can fail.
var faults = map[string]connecttest.Interceptor{
	"answer lost":  func(_ http.ResponseWriter, r *http.Request, next http.Handler) { connecttest.LoseAnswer(r, next) },
	"request lost": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	"409": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		answerError(w, http.StatusConflict, "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")
	},
	"500": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		answerError(w, http.StatusInternalServerError, "pair.Request cannot be completed because a rebalance is expected")
	},
	"carried out, 500": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		answerError(w, http.StatusInternalServerError, "pair.Request timed out. The worker is currently waiting")
	},
}

func answerError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error_code":%d,"message":%q}`, status, message)
}

// TestFaultOnEveryKindOfRequest fails every second request of a kind, on both sides, in
// every way: the move and the rollback wait it out.
func TestFaultOnEveryKindOfRequest(t *testing.T) {
	for kind, is := range kinds {
		for fault, intercept := range faults {
			t.Run(kind+"/"+fault, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, true)
					w.Run(pairtest.SlowSource())
					for _, cluster := range []*connecttest.Cluster{w.Global, w.Europe} {
						var mu sync.Mutex
						dice := rand.New(rand.NewPCG(uint64(len(kind)), uint64(len(fault)))) // #nosec G404 -- to be repeatable
						cluster.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
							mu.Lock()
							failing := is(r) && dice.IntN(2) == 0
							mu.Unlock()
							if failing {
								intercept(rw, r, next)
								return
							}
							next.ServeHTTP(rw, r)
						})
					}
					moved := w.move()
					w.calm()
					w.Expect(moved, event.Moved, connect.Stopped, connect.Running)
					w.Pass(time.Minute)
					w.Exact()
				})
			})
		}
	}
}

// calm ends all faults.
func (w *world) calm() {
	w.Global.Intercept(nil)
	w.Europe.Intercept(nil)
}

// TestLateWriteDoesNotLast loses the answer of the first write of offsets, the rehearsal,
// and carries it out at a later moment of the move, over the offsets copied since.
func TestLateWriteDoesNotLast(t *testing.T) {
	for late := 50 * time.Millisecond; late < 600*time.Millisecond; late += 3 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.Run(pairtest.SlowSource())
			first := true
			w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method != http.MethodPatch || !first {
					next.ServeHTTP(rw, r)
					return
				}
				first = false
				go func() {
					w.Pass(late)
					next.ServeHTTP(httptest.NewRecorder(), r)
				}()
				panic(http.ErrAbortHandler)
			})
			w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
			w.Exact()
		})
		if t.Failed() {
			t.Fatalf("carried out %s late", late)
		}
	}
}

// TestLaggingWorkerBehindALoadBalancer sends each request to the next worker. One of them
// lags two seconds behind.
func TestLaggingWorkerBehindALoadBalancer(t *testing.T) {
	for slow := range 2 {
		for _, hard := range []bool{true, false} {
			t.Run(fmt.Sprintf("worker=%d,hard=%v", slow, hard), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					options := []connecttest.Option{connecttest.WithWorkers(2), connecttest.WithLag(slow, 2*time.Second)}
					w := newWorldOf(t, hard, options, options)
					w.Line.Spread = true
					w.Run(pairtest.SlowSource())
					w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
					w.Pass(time.Minute)
					w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
					w.Pass(time.Minute)
					w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
					w.Exact()
				})
			})
		}
	}
}

// TestLeaderDiesBetweenStopAndCopy kills the origin's leader once the tasks have
// ended, and the target's too: others take over, and the move ends.
func TestLeaderDiesBetweenStopAndCopy(t *testing.T) {
	for _, hard := range []bool{true, false} {
		t.Run(fmt.Sprintf("hard=%v", hard), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, hard, []connecttest.Option{connecttest.WithWorkers(2)}, []connecttest.Option{connecttest.WithWorkers(2)})
				w.Run(pairtest.SlowSource())
				killed := false
				w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.Method == http.MethodPatch && w.hasStopped() && !killed {
						killed = true
						w.Global.KillWorker(0)
						w.Europe.KillWorker(0)
						panic(http.ErrAbortHandler)
					}
					next.ServeHTTP(rw, r)
				})
				w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				w.Exact()
			})
		})
	}
}

// TestWorkerDiesWhileQuiescing kills a worker after the pause: what it had not
// committed is sent again by Connect itself, with or without a move. Nothing is
// lost, the copies do not run at once, and the proof is not called hard.
func TestWorkerDiesWhileQuiescing(t *testing.T) {
	for _, hard := range []bool{true, false} {
		t.Run(fmt.Sprintf("hard=%v", hard), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, hard, []connecttest.Option{connecttest.WithWorkers(2)}, nil)
				w.Run(pairtest.SlowSource())
				killed := false
				w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
					next.ServeHTTP(rw, r)
					if kinds["stop"](r) && !killed {
						killed = true
						w.Global.KillWorker(1)
					}
				})
				result := w.move()
				w.Expect(result, event.Moved, connect.Stopped, connect.Running)
				w.Pass(time.Minute)
				if count := w.Kafka.Count(topic); count.Missing != 0 || len(w.Kafka.Overlaps(orders)) != 0 {
					t.Errorf("%+v, overlaps %+v", count, w.Kafka.Overlaps(orders))
				}
				t.Logf("%s; %+v", result.Message, w.Kafka.Count(topic))
			})
		})
	}
}

func TestOtherNamesAndSettings(t *testing.T) {
	for _, name := range []string{"ünï☃", "a b", "a?b#c", "-", "a.b+c&d=e", "...", ";x"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				w.Name = name
				w.Run(pairtest.SlowSource().With("extra", rawjson.String("x")))
				request := w.Request()
				request.TargetConnector, request.Set, request.Unset = name+"2", map[string]string{"topics.note": "a.b"}, []string{"extra"}
				result := w.mover().Move(t.Context(), request)
				if result.Outcome != event.Moved || result.TargetConnector != name+"2" {
					t.Fatalf("%+v", result)
				}
				config, err := w.Europe.Client().Config(t.Context(), name+"2")
				if _, there := config.Get("extra"); err != nil || there || config.Text("topics.note") != "a.b" || config.Text("name") != name+"2" {
					t.Errorf("config %s, %v", config.Value(), err)
				}
				w.Pass(time.Minute)
				if result := w.mover().Rollback(t.Context(), request); result.Outcome != event.RolledBack {
					t.Fatalf("%+v", result)
				}
				w.Await(w.Global, connect.Running)
				w.Exact()
			})
		})
	}
}

// TestNamesThatNoURLCanCarry uses names that Kafka Connect accepts in a create, but whose
// URLs Jetty 12 then refuses.
func TestNamesThatNoURLCanCarry(t *testing.T) {
	for _, name := range []string{"a/b", "100%", "%2F", ".", ".."} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				w.Name = name
				if err := w.Global.Client().Create(t.Context(), name, pairtest.SlowSource(), connect.Running); err != nil {
					t.Fatal(err)
				}
				if result := w.move(); result.Outcome != event.Refused || strings.Contains(result.Message, "<") {
					t.Errorf("%s: %s", result.Outcome, result.Message)
				}
			})
		})
	}
}

func TestNoOffsetsYet(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		if err := w.Global.Client().Create(w.T.Context(), orders, connecttest.SourceConfig(topic, 1).With("max.records", rawjson.String("0")), connect.Running); err != nil {
			w.T.Fatal(err)
		}
		w.Await(w.Global, connect.Running)
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if result.Copy != "none" || result.Entries != 0 {
			w.T.Errorf("copy %q, %d entries", result.Copy, result.Entries)
		}
	})
}

func TestFailedTaskBeforeTheMove(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Global.FailTask(orders, 1, "org.apache.kafka.connect.errors.ConnectException: disk full")
		w.Pass(10 * time.Second)
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

func TestUserResumesTheOriginAfterTheMove(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		if err := w.Global.Client().Resume(w.T.Context(), orders); err != nil {
			w.T.Fatal(err)
		}
		w.Pass(10 * time.Second)
		w.Expect(w.mover().Status(w.T.Context(), w.Request()), event.RunningTwice, connect.Running, connect.Running)
		w.Expect(w.move(), event.RunningTwice, connect.Running, connect.Running)
		w.Expect(w.rollback(), event.RunningTwice, connect.Running, connect.Running)
	})
}

// TestStatusOfWhatStandsStill says what to do where the connector runs on neither side.
func TestStatusOfWhatStandsStill(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		advice := func() string { return w.mover().Status(t.Context(), w.Request()).Instructions }
		if got := advice(); got != "check its name" {
			t.Errorf("absent: %q", got)
		}
		w.Run(pairtest.SlowSource())
		if got := advice(); got != "" {
			t.Errorf("not begun: %q", got)
		}
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		if got := advice(); got != "" {
			t.Errorf("moved: %q", got)
		}
		if err := w.Europe.Client().Stop(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		if got := advice(); !strings.Contains(got, "runs on neither cluster") {
			t.Errorf("stopped on both: %q", got)
		}
	})
}

// TestRollbackWithTheClustersExchanged claims no undo: the connector never stopped.
func TestRollbackWithTheClustersExchanged(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(pairtest.SlowSource())
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		request := w.Request()
		request.Origin, request.Target = request.Target, request.Origin
		result := w.mover().Rollback(t.Context(), request)
		const want = "is RUNNING on europe as before; to take back a move from global to europe, exchange --origin and --target"
		if result.Outcome != event.PutBack || result.Message != want {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

// TestCopyGoneSinceItWasSeen has a deleted copy that the worker still shows. A PUT of its
// config would create it, running.
func TestCopyGoneSinceItWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true, connecttest.WithWorkers(2), connecttest.WithLag(0, 2*time.Second))
		w.Run(pairtest.SlowSource())
		old := config.WithKeepState(pairtest.SlowSource().With("name", rawjson.String(orders)), config.Idle)
		w.create(w.Europe, old, connect.Stopped)
		w.Pass(10 * time.Second)
		if err := w.Europe.Client().Delete(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// TestUnreadableOnlyAfterTheStop has a connector whose first commit is its last, so only
// then REST shows a null. The offsets topics help, or the move fails and is put back; it
// is no refusal, which would say that nothing was touched.
func TestUnreadableOnlyAfterTheStop(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		if err := w.Global.Client().Create(w.T.Context(), orders, connecttest.OrderedMapConfig(topic, 1), connect.Running); err != nil {
			w.T.Fatal(err)
		}
		w.Pass(10 * time.Second)
		result := w.move()
		if w.Hard {
			w.Expect(result, event.Moved, connect.Stopped, connect.Running)
			if result.Copy != "raw" {
				w.T.Errorf("copied by %s", result.Copy)
			}
			w.Exact()
			return
		}
		w.Expect(result, event.Failed, connect.Running, "")
		if !strings.Contains(result.Message, "offsets cannot travel by REST") || !strings.HasSuffix(result.Message, "orders is on global as before") {
			w.T.Errorf("says %q", result.Message)
		}
		w.Exact()
	})
}

// TestPutBackThatFails tells the operator what to do, and does not say that the connector
// was put back.
func TestPutBackThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Name = "a b"
		w.Run(pairtest.SlowSource())
		w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if status, err := w.Global.Client().Status(t.Context(), w.Name); err == nil && status.Connector.State == connect.Stopped && kinds["patch"](r) {
				w.Global.WorkerDown(0, true)
				answerError(rw, http.StatusInternalServerError, "disk full")
				return
			}
			next.ServeHTTP(rw, r)
		})
		result := w.move()
		if result.Outcome != event.Down || !strings.Contains(result.Message, "disk full; and it was not put back: put back on global") ||
			result.Instructions != "bring the connector on global back by hand: PUT http://worker-1.global/connectors/a%20b/resume, then `ferry status`" {
			t.Errorf("%s: %s; %s", result.Outcome, result.Message, result.Instructions)
		}
		w.Global.WorkerDown(0, false)
		w.calm()
		if result := w.move(); result.Outcome != event.Moved {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.Exact()
	})
}

// TestMovedWithOtherSettings says that the copy is not what was asked for.
func TestMovedWithOtherSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(pairtest.SlowSource())
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		request := w.Request()
		request.Set = map[string]string{"rate": "7"}
		result := w.mover().Move(t.Context(), request)
		if result.Outcome != event.Unchanged || !strings.HasSuffix(result.Message, "; its config there differs in rate from what was asked for") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
	})
}

// TestReadOfOffsetsThatAWorkerFailsByItself: a worker that walks its partitions while new
// ones come in answers 500. That passes, and is no refusal; where it does not pass, the
// offsets are read from the topic.
func TestReadOfOffsetsThatAWorkerFailsByItself(t *testing.T) {
	failing := func(times int) connecttest.Interceptor {
		return func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/offsets") || times == 0 {
				next.ServeHTTP(rw, r)
				return
			}
			times--
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusInternalServerError)
			_, _ = rw.Write([]byte(`{"error_code":500,"message":"Failed to retrieve offsets for source connector orders"}`))
		}
	}
	for name, test := range map[string]struct {
		hard    bool
		origin  int // how often the origin's reads fail, -1 for always
		target  int
		outcome event.Outcome
		copied  string
	}{
		"it passes":                    {true, 3, 3, event.Moved, "rest"},
		"it passes, Kafka not named":   {false, 3, 3, event.Moved, "rest"},
		"it does not, the topic helps": {true, -1, 0, event.Moved, "raw"},
		"it does not, nothing helps":   {false, -1, 0, event.Failed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, test.hard)
				w.Run(pairtest.SlowSource())
				w.Global.Intercept(failing(test.origin))
				w.Europe.Intercept(failing(test.target))
				result := w.move()
				w.calm()
				if result.Outcome != test.outcome || result.Copy != test.copied {
					t.Fatalf("%s, copied by %q: %s", result.Outcome, result.Copy, result.Message)
				}
				w.Exact()
			})
		})
	}
}

// TestLongRebalanceWhenTheOriginIsMarked lets the origin answer 409 for longer than the
// client's usual patience, as it does while another connector's task takes its time to end.
// Workers that cannot patch are asked first whether the connector exists.
func TestLongRebalanceWhenTheOriginIsMarked(t *testing.T) {
	for name, test := range map[string]struct {
		origin               []connecttest.Option
		method, path, nobody string
	}{
		"patched":              {nil, http.MethodPatch, "/config", "nobody marked the connector"},
		"3.7, which cannot be": {[]connecttest.Option{connecttest.WithVersion("3.7.2")}, http.MethodPost, "/restart", "nobody asked whether the connector exists"},
	} {
		for _, hard := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, hard %t", name, hard), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorldOf(t, hard, test.origin, nil)
					w.Run(pairtest.SlowSource())
					w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
					var first time.Time
					w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
						if r.Method != test.method || !strings.HasSuffix(r.URL.Path, test.path) {
							next.ServeHTTP(rw, r)
							return
						}
						if first.IsZero() {
							first = time.Now()
						}
						if time.Since(first) < 10*time.Second {
							answerError(rw, http.StatusConflict, "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")
							return
						}
						next.ServeHTTP(rw, r)
					})
					back := w.rollback()
					w.calm()
					if first.IsZero() {
						t.Fatal(test.nobody)
					}
					w.Expect(back, event.RolledBack, connect.Running, connect.Stopped)
					w.Exact()
				})
			})
		}
	}
}

// TestAskedAndCarriedOut loses every answer to one kind of request that is carried out, as
// a proxy with a time limit does: what the cluster shows counts, and nothing is asked for
// half a minute while the connector stands still.
func TestAskedAndCarriedOut(t *testing.T) {
	for _, verb := range []string{"/pause", "/stop", "/resume"} {
		t.Run(verb, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				w.Run(pairtest.SlowSource())
				asked := 0
				for _, side := range []*connecttest.Cluster{w.Global, w.Europe} {
					side.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
						if !strings.HasSuffix(r.URL.Path, verb) {
							next.ServeHTTP(rw, r)
							return
						}
						asked++
						next.ServeHTTP(httptest.NewRecorder(), r)
						http.Error(rw, "upstream timed out", http.StatusGatewayTimeout)
					})
				}
				result := w.move()
				w.calm()
				w.Expect(result, event.Moved, connect.Stopped, connect.Running)
				if asked > 10 || *result.DowntimeMS > 2000 {
					t.Errorf("asked %d times, down for %d ms", asked, *result.DowntimeMS)
				}
				w.Exact()
			})
		})
	}
}

// TestCopyDeletedInTheMiddle has somebody delete the copy once the origin is stopped: the
// origin runs again at once, and it is said who is missing.
func TestCopyDeletedInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(pairtest.SlowSource())
		var stopped, resumed time.Time
		w.Global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			switch {
			case strings.HasSuffix(r.URL.Path, "/stop"):
				stopped = time.Now()
				if err := w.Europe.Client().Delete(t.Context(), orders); err != nil {
					t.Error(err)
				}
			case strings.HasSuffix(r.URL.Path, "/resume"):
				resumed = time.Now()
			}
		})
		told := &remembering{}
		mover := w.mover()
		mover.Events = told
		result := mover.Move(t.Context(), w.Request())
		w.Expect(result, event.Failed, connect.Running, "")
		if down := resumed.Sub(stopped); down <= 0 || down > 2*time.Second {
			t.Errorf("down for %s", down)
		}
		if !told.has("the copy on europe is gone: somebody has removed it") {
			t.Errorf("told %q", told.texts)
		}
		w.Exact()
	})
}

// remembering remembers the notes.
type remembering struct {
	mu    sync.Mutex
	texts []string
}

func (r *remembering) Emit(happened event.Event) {
	if note, ok := happened.(event.Note); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.texts = append(r.texts, note.Message)
	}
}

func (r *remembering) has(text string) bool { return slices.Contains(r.texts, text) }

// A worker takes the partitions from memory and then reads the topic to its end, so the first
// read after a tombstone shows null for what was removed. The null is no unreadable key.
func TestLeftOffsetsAreRemoved(t *testing.T) {
	for name, workers := range map[string]int{"one worker": 1, "a load balancer": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, false, []connecttest.Option{connecttest.WithWorkers(workers)}, []connecttest.Option{connecttest.WithWorkers(workers)})
				w.Line.Spread = workers > 1
				w.create(w.Europe, connecttest.SourceConfig("old", 3), connect.Running)
				w.Pass(70 * time.Second)
				if err := w.Europe.Client().Delete(t.Context(), orders); err != nil {
					t.Fatal(err)
				}
				w.Pass(70 * time.Second)
				w.Run(connecttest.SourceConfig(topic, 2))
				w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				if left, err := w.Europe.OffsetTopic("").Read(t.Context(), orders); err != nil || left.Len() != 2 {
					t.Errorf("europe holds %s, %v", left.JSON(), err)
				}
			})
		})
	}
}

// A hard proof is asked for the origin. A copy that fails is taken back with a timed one if
// the target's Kafka is not named.
func TestHardProofWithoutTheTargetsKafka(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.Run(pairtest.SlowSource())
		w.Europe.FailStarts(orders, noLogin)
		request, mover := w.Request(), w.mover()
		request.Target.Kafka = cluster.Kafka{}
		mover.Options.Proof.Mode = proof.OnlyHard
		result := mover.Move(t.Context(), request)
		w.Expect(result, event.RolledBack, connect.Running, connect.Stopped)
		if !strings.Contains(result.Message, noLogin) {
			t.Errorf("says %q", result.Message)
		}
		w.Exact()
	})
}
