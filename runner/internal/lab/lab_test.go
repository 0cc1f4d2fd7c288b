package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	limit = time.Minute
	// parentVariable makes the test binary a process that starts a lab, prints
	// the ids of its processes and stays.
	parentVariable = "FERRY_LAB_TEST_PARENT"
)

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) != "" {
		os.Exit(parent())
	}
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central"},
			{Name: "old", Kafka: "central", Version: "3.6.2"},
		},
	})
}

func TestVersions(t *testing.T) {
	l := labtest.Lab(t)
	for name, want := range map[string]string{"global": lab.KafkaVersion, "old": "3.6.2"} {
		server, err := l.Connect(name).Client().Server(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if server.Version != want {
			t.Errorf("workers of %s are of version %s, want %s", name, server.Version, want)
		}
	}
}

func TestWriteClusters(t *testing.T) {
	l := labtest.Lab(t)
	file := filepath.Join(t.TempDir(), "clusters.yaml")
	for _, withKafka := range []bool{true, false} {
		if err := l.WriteClusters(file, withKafka); err != nil {
			t.Fatal(err)
		}
		clusters, err := clusterfile.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		cluster, err := clusters.Cluster("global")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(cluster.ConnectURLs, l.Connect("global").URLs()) {
			t.Errorf("URLs are %v", cluster.ConnectURLs)
		}
		if (cluster.Kafka != nil) != withKafka {
			t.Errorf("kafka is %+v, want one: %v", cluster.Kafka, withKafka)
		}
		if withKafka && cluster.Kafka.StatusTopic != l.Connect("global").StatusTopic() {
			t.Errorf("status topic is %s", cluster.Kafka.StatusTopic)
		}
	}
}

func TestNumberedSource(t *testing.T) {
	l := labtest.Lab(t)
	for _, cluster := range []string{"global", "old"} {
		t.Run(cluster, func(t *testing.T) {
			topic, bootstrap := labtest.Name(t), l.Kafka("central").Bootstrap()
			if _, err := lab.Count(t.Context(), bootstrap, topic); !errors.Is(err, lab.ErrNoTopic) {
				t.Errorf("count of a topic that does not exist: %v", err)
			}
			config := lab.With(lab.NumberedSource(topic, 2, 0), map[string]string{"max.records": "1000"})
			run(t, l.Connect(cluster), config)
			for _, stream := range []string{topic + "-0", topic + "-1"} {
				await(t, bootstrap, topic, stream, 999)
			}
			tally := count(t, bootstrap, topic)
			want := lab.Stream{Records: 1000, First: 0, Last: 999}
			if len(tally) != 2 || tally[topic+"-0"] != want || tally[topic+"-1"] != want {
				t.Errorf("counted %+v, want twice %+v", tally, want)
			}
		})
	}
}

func TestNumberedSourceContinues(t *testing.T) {
	l := labtest.Lab(t)
	topic := labtest.Name(t)
	const beyondFloat = 9007199254740993
	config := lab.With(lab.NumberedSource(topic, 1, 200), map[string]string{
		"start.sequence": strconv.Itoa(beyondFloat),
	})
	global, bootstrap := l.Connect("global"), l.Kafka("central").Bootstrap()
	run(t, global, config)
	await(t, bootstrap, topic, topic+"-0", beyondFloat+50)
	stop(t, global, topic)
	last := count(t, bootstrap, topic)[topic+"-0"].Last
	awaitOffsets(t, global, topic, fmt.Sprintf(`"sequence":%d`, last))
	client := global.Client()
	if err := client.Resume(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	await(t, bootstrap, topic, topic+"-0", last+50)
	stream := count(t, bootstrap, topic)[topic+"-0"]
	if stream.First != beyondFloat || stream.Lost != 0 || stream.Duplicated != 0 {
		t.Errorf("counted %+v, want none lost or duplicated from %d on", stream, beyondFloat)
	}
}

func TestMisbehaviour(t *testing.T) {
	l := labtest.Lab(t)
	client := l.Connect("global").Client()
	for name, settings := range map[string]map[string]string{
		"on-start": {"fail.on.start": "true"},
		"after":    {"fail.after": "10", "rate": "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			topic := labtest.Name(t)
			config := lab.With(lab.NumberedSource(topic, 1, 100), settings)
			if err := l.Connect("global").Create(t.Context(), topic, config); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { remove(t, l.Connect("global"), topic) })
			failed := func(ctx context.Context) (bool, string, error) {
				status, err := client.Status(ctx, topic)
				if connect.IsNotFound(err) {
					return false, "no status yet", nil
				}
				return len(status.Tasks) > 0 && status.AllTasks(connect.Failed), fmt.Sprint(status.Tasks), err
			}
			if err := wait.Until(t.Context(), "failure", limit, failed); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		config := lab.With(lab.NumberedSource("x", 1, 1), map[string]string{"refuse.value": "this"})
		err := l.Connect("global").Create(t.Context(), "refused", config)
		if !connect.IsBadRequest(err) || !strings.Contains(err.Error(), "always refused") {
			t.Errorf("create says %v, want a refusal", err)
		}
	})
	t.Run("ordered keys", func(t *testing.T) {
		topic := labtest.Name(t)
		run(t, l.Connect("global"), lab.With(lab.NumberedSource(topic, 1, 100), map[string]string{"key.order": "linked"}))
		await(t, l.Kafka("central").Bootstrap(), topic, topic+"-0", 10)
		stop(t, l.Connect("global"), topic)
		awaitOffsets(t, l.Connect("global"), topic, `"offset":null`)
	})
}

func TestMirrorSource(t *testing.T) {
	l := labtest.Lab(t)
	factory, central := l.Kafka("factory"), l.Kafka("central")
	topic := labtest.Name(t)
	traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{
		Bootstrap: factory.Bootstrap(), Topic: topic, Stream: "line-1", Rate: 500,
	})
	if err != nil {
		t.Fatal(err)
	}
	await(t, factory.Bootstrap(), topic, "line-1", 0)
	run(t, l.Connect("global"), lab.MirrorSource(factory, central, topic))
	mirrored := "factory." + topic
	await(t, central.Bootstrap(), mirrored, "line-1", 500)
	last, err := traffic.Stop()
	if err != nil {
		t.Fatal(err)
	}
	await(t, central.Bootstrap(), mirrored, "line-1", last)
	want := lab.Stream{Records: last + 1, First: 0, Last: last}
	if got := count(t, central.Bootstrap(), mirrored)["line-1"]; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestTableSource(t *testing.T) {
	l := labtest.Lab(t)
	table, err := l.StartTable(t.Context(), "orders", 200)
	if err != nil {
		t.Fatal(err)
	}
	topic, bootstrap := labtest.Name(t), l.Kafka("central").Bootstrap()
	run(t, l.Connect("global"), lab.TableSource(table, topic))
	await(t, bootstrap, topic, table.Name(), 200)
	last, err := table.Hold()
	if err != nil {
		t.Fatal(err)
	}
	await(t, bootstrap, topic, table.Name(), last)
	want := lab.Stream{Records: last + 1, First: 0, Last: last}
	if got := count(t, bootstrap, topic)[table.Name()]; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	stop(t, l.Connect("global"), topic)
	awaitOffsets(t, l.Connect("global"), topic,
		`"protocol":"1"`, `"table":"LAB.PUBLIC.ORDERS"`, `"timestamp_nanos":`, `"timestamp":`, `"incrementing":`)
}

func TestFileConnectors(t *testing.T) {
	l := labtest.Lab(t)
	topic, folder := labtest.Name(t), t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	var lines strings.Builder
	for i := range 100 {
		fmt.Fprintf(&lines, "lines %d\n", i)
	}
	if err := os.WriteFile(from, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	bootstrap := l.Kafka("central").Bootstrap()
	runAs(t, l.Connect("global"), topic+"-source", lab.FileSource(from, topic))
	await(t, bootstrap, topic, "lines", 99)
	if tally := count(t, bootstrap, topic); tally.Records() != 100 || tally.Lost() != 0 || tally.Duplicated() != 0 {
		t.Errorf("counted %+v, want 100 records", tally)
	}
	runAs(t, l.Connect("global"), topic+"-sink", lab.FileSink(topic, to))
	same := func(context.Context) (bool, string, error) {
		content, err := os.ReadFile(to)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return string(content) == lines.String(), fmt.Sprintf("%d bytes", len(content)), err
	}
	if err := wait.Until(t.Context(), "sink's file", limit, same); err != nil {
		t.Error(err)
	}
}

func TestKilledWorkerComesBack(t *testing.T) {
	worker := labtest.Lab(t).Connect("old").Worker(0)
	pid, url := worker.Pid(), worker.URL()
	if err := worker.Kill(); err != nil {
		t.Fatal(err)
	}
	if worker.Pid() != 0 || alive(pid) {
		t.Errorf("process %d still runs", pid)
	}
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if worker.Pid() == pid || worker.Pid() == 0 || worker.URL() != url {
		t.Errorf("worker is process %d at %s, want a new one at %s", worker.Pid(), worker.URL(), url)
	}
}

// TestChildrenDieWithTheirParent kills a process that has a lab.
func TestChildrenDieWithTheirParent(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a lab of its own, and -short is for tests that need nothing")
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), parentVariable+"="+t.TempDir())
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [2]int
	if _, err := fmt.Fscanln(bufio.NewReader(output), &pids[0], &pids[1]); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if !alive(pid) {
			t.Fatalf("process %d does not run, though its parent does", pid)
		}
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Fatal("the killed process says that it ended well")
	}
	for _, pid := range pids {
		gone := func(context.Context) (bool, string, error) { return !alive(pid), "it lives", nil }
		if err := wait.Until(t.Context(), fmt.Sprintf("end of process %d", pid), 10*time.Second, gone); err != nil {
			t.Error(err)
		}
	}
}

func parent() int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l, err := lab.Start(ctx, lab.Config{Kafka: []lab.KafkaSpec{{Name: "central"}}, Dir: os.Getenv(parentVariable)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	table, err := l.StartTable(ctx, "orders", 1)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(l.Kafka("central").Pid(), table.Pid())
	<-ctx.Done() // never: this process is killed
	return 1
}

// alive tells whether a process runs: a zombie, which no one has waited for yet,
// does not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // it went while we looked
	}
	_, rest, _ := strings.Cut(string(status), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func run(t *testing.T, cluster *lab.Connect, config map[string]string) {
	t.Helper()
	runAs(t, cluster, labtest.Name(t), config)
}

func runAs(t *testing.T, cluster *lab.Connect, connector string, config map[string]string) {
	t.Helper()
	if err := cluster.Run(t.Context(), connector, config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t, cluster, connector) })
}

func remove(t *testing.T, cluster *lab.Connect, connector string) {
	t.Helper()
	if err := cluster.Client().Delete(context.WithoutCancel(t.Context()), connector); err != nil {
		t.Error(err)
	}
}

// stop returns when the connector's tasks are gone.
func stop(t *testing.T, cluster *lab.Connect, connector string) {
	t.Helper()
	client := cluster.Client()
	if err := client.Stop(t.Context(), connector); err != nil {
		t.Fatal(err)
	}
	gone := func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		return len(status.Tasks) == 0, fmt.Sprint(status.Tasks), err
	}
	if err := wait.Until(t.Context(), "end of the tasks", limit, gone); err != nil {
		t.Fatal(err)
	}
}

// awaitOffsets waits until the connector's offsets hold all of the texts.
func awaitOffsets(t *testing.T, cluster *lab.Connect, connector string, texts ...string) {
	t.Helper()
	holds := func(ctx context.Context) (bool, string, error) {
		offsets, err := cluster.Client().Offsets(ctx, connector)
		if err != nil {
			return false, "", err
		}
		for _, text := range texts {
			if !strings.Contains(offsets.String(), text) {
				return false, fmt.Sprintf("no %s in %s", text, offsets), nil
			}
		}
		return true, "", nil
	}
	if err := wait.Until(t.Context(), "offsets of "+connector, 10*time.Second, holds); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, bootstrap, topic, stream string, sequence int64) {
	t.Helper()
	if err := lab.AwaitSequence(t.Context(), bootstrap, topic, stream, sequence, limit); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, bootstrap, topic string) lab.Tally {
	t.Helper()
	tally, err := lab.Count(t.Context(), bootstrap, topic)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}
