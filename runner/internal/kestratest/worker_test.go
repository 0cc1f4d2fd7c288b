package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// victim is a move that is under way when its worker is killed.
type victim struct {
	connector string
	at        string // where it is held
	target    *gate
	// orphan: the runner outlives the worker, as it does where nothing ends a
	// dead worker's children. Else it dies with it, as in a pod.
	orphan bool
	run    *Run
}

// TestWorkerKilled kills a worker of Kestra 2.0 with five moves under way, each
// at another moment, and lets the engine give their tasks to another worker.
func TestWorkerKilled(t *testing.T) {
	ctx, clusters, options := stageOfDeaths(t, "2.0.0")
	options.SeparateWorkers = true
	engine, err := Start(ctx, options)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	first, err := engine.StartWorker(ctx, "worker-1")
	must(t, err)

	victims := underWay(ctx, t, clusters, engine)
	watched := watchBoth(ctx, clusters, victims)
	must(t, first.Kill())
	endAllButOrphans(t, victims)
	second, err := engine.StartWorker(ctx, "worker-2")
	must(t, err)
	t.Cleanup(func() { must(t, second.Kill()) })
	endWell(ctx, t, clusters, victims, watched)
}

// TestEngineKilled does the same on Kestra 1.3, where the worker shares the
// database with the rest: it is all killed, and started again on what it stored.
func TestEngineKilled(t *testing.T) {
	ctx, clusters, options := stageOfDeaths(t, "1.3.31")
	options.Lasting = true
	engine, err := Start(ctx, options)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })

	victims := underWay(ctx, t, clusters, engine)
	watched := watchBoth(ctx, clusters, victims)
	must(t, engine.Restart(ctx, func() { endAllButOrphans(t, victims) }))
	for _, v := range victims {
		v.run, err = engine.Follow(ctx, v.run)
		must(t, err)
	}
	endWell(ctx, t, clusters, victims, watched)
}

func stageOfDeaths(t *testing.T, version string) (context.Context, *lab.Lab, Options) {
	t.Helper()
	if version == "1.3.31" && !*all {
		t.Skip("long: run it with -args -all")
	}
	if !slices.Contains(versions(t), version) {
		t.Skipf("KESTRA names another version than %s", version)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute) // a first run downloads Kafka and Kestra
	t.Cleanup(cancel)
	clusters, err := lab.Start(ctx, lab.Config{
		Kafka:   []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{{Name: "global", Kafka: "central"}, {Name: "europe", Kafka: "central"}},
	})
	must(t, err)
	t.Cleanup(func() { must(t, clusters.Close()) })
	flows, err := Flows(version)
	must(t, err)
	return ctx, clusters, Options{Version: version, Plugins: plugins(t), Flows: flows}
}

// endAllButOrphans ends the runners that die with their worker. None does by
// itself: nothing in a process ends with its parent.
func endAllButOrphans(t *testing.T, victims []*victim) {
	t.Helper()
	for _, v := range victims {
		alive := ferriesOf(v.connector)
		if len(alive) != 1 {
			t.Errorf("%s: %d runners after its worker was killed, expected its own to live on", v.connector, len(alive))
		}
		for _, pid := range alive {
			if !v.orphan {
				must(t, syscall.Kill(pid, syscall.SIGKILL))
			}
		}
	}
}

// endWell lets one orphan go on as soon as the other run has begun, the other one
// when that has ended, and checks what came of each.
func endWell(ctx context.Context, t *testing.T, clusters *lab.Lab, victims []*victim, watched func() []string) {
	t.Helper()
	together, late := victims[3], victims[4]
	must(t, wait.Until(ctx, "the task to be given to another worker", waitTime, func(context.Context) (bool, string, error) {
		pids := ferriesOf(together.connector)
		return len(pids) == 2, fmt.Sprint(pids), nil
	}))
	together.target.open()
	t.Run("each", func(t *testing.T) {
		for _, v := range victims {
			t.Run(v.connector, func(t *testing.T) {
				t.Parallel()
				x, err := v.run.Wait(ctx)
				must(t, err)
				if v == late {
					v.target.open()
					must(t, wait.Until(ctx, v.connector+"'s orphan to end", waitTime, func(context.Context) (bool, string, error) {
						pids := ferriesOf(v.connector)
						return len(pids) == 0, fmt.Sprint(pids), nil
					}))
				}
				saysTheTruth(ctx, t, clusters, v, x)
			})
		}
	})
	for _, both := range watched() {
		t.Error(both)
	}
}

// underWay begins a move for each moment and returns when all are held there.
func underWay(ctx context.Context, t *testing.T, clusters *lab.Lab, engine *Engine) []*victim {
	t.Helper()
	var victims []*victim
	entries := map[string]any{}
	add := func(connector, at string, orphan, answered bool, holds func(r *http.Request, stopped bool) bool) {
		stopped := &atomic.Bool{}
		_, origin := newGate(t, clusters.Connect("global").URLs()[0], false, func(r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/stop") {
				stopped.Store(true)
			}
			return false
		})
		v := &victim{connector: connector, at: at, orphan: orphan}
		var target string
		v.target, target = newGate(t, clusters.Connect("europe").URLs()[0], answered, func(r *http.Request) bool { return holds(r, stopped.Load()) })
		// Each has its own names, so that they do not wait for one another's turn to stand still.
		for name, address := range map[string]string{"global": origin, "europe": target} {
			cluster := clusters.Connect(name)
			entries[name+"-"+connector] = map[string]any{
				"connect_url": address,
				"kafka":       map[string]any{"bootstrap_servers": []string{cluster.Kafka().Bootstrap()}, "status_storage_topic": cluster.StatusTopic()},
			}
		}
		victims = append(victims, v)
	}
	isCopy := func(r *http.Request, stopped bool) bool {
		return stopped && r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets")
	}
	add("prepared", "the copy's creation", false, true, func(r *http.Request, _ bool) bool {
		return r.Method == http.MethodPost && r.URL.Path == "/connectors"
	})
	add("stopped", "the copy of the offsets", false, false, isCopy)
	add("started", "the copy's start", false, true, func(r *http.Request, stopped bool) bool {
		return stopped && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/resume")
	})
	add("together", "the copy of the offsets", true, false, isCopy)
	add("late", "the copy of the offsets", true, false, isCopy)

	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": entries}))
	for _, v := range victims {
		must(t, clusters.Connect("global").Run(ctx, v.connector, lab.NumberedSource(v.connector, 2, 50)))
	}
	kafka := clusters.Kafka("central").Bootstrap()
	for _, v := range victims {
		must(t, lab.AwaitSequence(ctx, kafka, v.connector, v.connector+"-0", 50, waitTime))
		var err error
		v.run, err = engine.Begin("move-connector", map[string]any{
			"origin": "global-" + v.connector, "target": "europe-" + v.connector, "connector": v.connector, "notify": false,
		})
		must(t, err)
	}
	for _, v := range victims {
		v.target.await(t, v.at, waitTime)
	}
	return victims
}

// saysTheTruth checks that the connector runs on one cluster, that the execution
// says which, and that every record is there once.
func saysTheTruth(ctx context.Context, t *testing.T, clusters *lab.Lab, v *victim, x Execution) {
	t.Helper()
	var outputs struct{ Outcome, Message string }
	must(t, json.Unmarshal(x.Outputs, &outputs))
	t.Logf("%s: held at %s, orphan %v: %s, %s: %s", v.connector, v.at, v.orphan, x.State, outputs.Outcome, outputs.Message)
	home := ""
	must(t, wait.Until(ctx, v.connector+" to run on one cluster", waitTime, func(ctx context.Context) (bool, string, error) {
		var running []string
		for _, name := range []string{"global", "europe"} {
			if runs(ctx, clusters.Connect(name).Client(), v.connector) {
				running = append(running, name)
			}
		}
		home = strings.Join(running, " and ")
		return len(running) == 1, "runs on " + home, nil
	}))
	moved := outputs.Outcome == "moved" || outputs.Outcome == "unchanged"
	if (x.State == "SUCCESS") != moved || moved != (home == "europe") {
		t.Errorf("%s runs on %s, but its execution ended %s, %s: %s; its log:\n%s", v.connector, home, x.State, outputs.Outcome, outputs.Message, x.Text())
	}
	if !v.orphan && x.State != "SUCCESS" {
		t.Errorf("%s: ended %s, expected SUCCESS, since nobody else was at work on it; its log:\n%s", v.connector, x.State, x.Text())
	}
	if home == "global" || home == "europe" {
		countFrom(ctx, t, clusters, clusters.Kafka("central").Bootstrap(), v.connector, home, 2)
	}
}

// runs reports whether a task of the connector runs.
func runs(ctx context.Context, client *connect.Client, connector string) bool {
	status, err := client.Status(ctx, connector)
	return err == nil && slices.ContainsFunc(status.Tasks, func(task connect.TaskStatus) bool { return task.State == connect.Running })
}

// watchBoth looks at both clusters until the function it returns is called, which
// then tells of every time at which both had a connector running.
func watchBoth(ctx context.Context, clusters *lab.Lab, victims []*victim) (stop func() []string) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var found []string
	var watchers sync.WaitGroup
	global, europe := clusters.Connect("global").Client(), clusters.Connect("europe").Client()
	for _, v := range victims {
		watchers.Go(func() {
			for wait.For(ctx, 150*time.Millisecond) == nil {
				// Before and after, or a move between two looks would count.
				if runs(ctx, global, v.connector) && runs(ctx, europe, v.connector) && runs(ctx, global, v.connector) {
					mu.Lock()
					found = append(found, v.connector+" ran on both clusters")
					mu.Unlock()
				}
			}
		})
	}
	return func() []string {
		cancel()
		watchers.Wait()
		return found
	}
}

// ferriesOf returns the processes of the runners that work on a connector.
func ferriesOf(connector string) []int {
	named := regexp.MustCompile(`"connector":\[?"` + connector + `"`)
	var pids []int
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		line, err := os.ReadFile(filepath.Join(process, "cmdline")) // it may have ended
		arguments := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if err != nil || !strings.Contains(arguments[0], "/.connect-ferry-") {
			continue
		}
		request, err := os.ReadFile(filepath.Join(process, "cwd", arguments[len(arguments)-1]))
		if err != nil || !named.Match(request) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(process)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
