package connecttest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/hashmap"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// start starts a cluster that ends with the test's bubble.
func start(t *testing.T, options ...Option) *Cluster {
	t.Helper()
	cluster := New(options...)
	t.Cleanup(cluster.Close)
	return cluster
}

// suiteOf gives a test the helpers of the conformance suite.
func suiteOf(t *testing.T, cluster *Cluster) *conformance.Suite {
	t.Helper()
	return conformance.New(t, subjectOf(cluster))
}

const numbers = "numbers"

// moved moves a connector as the article does, stop, wait, read, write, resume,
// and returns what became of its records.
func moved(t *testing.T, source rawjson.Object, pauseFirst bool) Count {
	t.Helper()
	var count Count
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		origin := suiteOf(t, start(t, WithKafka(shared), WithName("origin")))
		target := suiteOf(t, start(t, WithKafka(shared), WithName("target")))
		origin.CreateNamed("orders", source, connect.Running)
		target.CreateNamed("orders", source, connect.Stopped)
		origin.HasWritten("orders", numbers)
		origin.Must(wait.For(t.Context(), 95*time.Second))
		if pauseFirst {
			origin.Must(origin.Client.Pause(t.Context(), "orders"))
			origin.AwaitStatus("orders", "all paused", func(status connect.Status) bool { return status.AllTasks(connect.Paused) })
		}
		origin.Stop("orders")
		origin.Must(wait.For(t.Context(), time.Minute))
		if document := origin.ReadOffsets("orders"); document.Len() > 0 {
			target.Patch("orders", document.JSON().String())
		}
		target.Must(target.Client.Resume(t.Context(), "orders"))
		target.Must(wait.For(t.Context(), 100*time.Second))
		count = shared.Count(numbers)
		if overlaps := shared.Overlaps("orders"); len(overlaps) > 0 {
			t.Errorf("both ran: %+v", overlaps)
		}
	})
	return count
}

func TestMoveByHand(t *testing.T) {
	slow := func(block time.Duration) rawjson.Object { return BlockingConfig(numbers, block, 0) }
	for name, test := range map[string]struct {
		source     rawjson.Object
		pauseFirst bool
		duplicated bool
	}{
		"quick polls":                 {source: SourceConfig(numbers, 3)},
		"slow acknowledgements":       {source: SourceConfig(numbers, 1).With("ack.ms", rawjson.String("900"))},
		"slow polls, stopped":         {source: slow(15 * time.Second), duplicated: true},
		"slow polls, paused first":    {source: slow(15 * time.Second), pauseFirst: true},
		"ordered-map keys":            {source: OrderedMapConfig(numbers, 2), duplicated: true},
		"acknowledged after the wait": {source: SourceConfig(numbers, 1).With("ack.ms", rawjson.String("7000")), duplicated: true},
	} {
		t.Run(name, func(t *testing.T) {
			count := moved(t, test.source, test.pauseFirst)
			if count.Missing != 0 || count.Records == 0 || test.duplicated != (count.Duplicated > 0) {
				t.Errorf("%+v", count)
			}
		})
	}
}

// TestPausedTaskLeavesItsLastBatch: between the last poll and the pause nobody
// looks at acknowledgements, so no flush interval commits what was sent last.
func TestPausedTaskLeavesItsLastBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t)
		s := suiteOf(t, cluster)
		name := s.Create(SourceConfig(numbers, 1).With("ack.ms", rawjson.String("100")), connect.Running)
		s.Must(wait.For(t.Context(), 10*time.Second))
		s.Must(s.Client.Pause(t.Context(), name))
		s.AwaitAll(name, connect.Paused, 1)
		s.Must(wait.For(t.Context(), 10*time.Minute))
		sent := cluster.Kafka().Records(numbers)
		last := sent[len(sent)-1].Number
		if paused := s.Position(s.ReadOffsets(name)); paused >= last {
			t.Errorf("committed %d of %d while paused", paused, last)
		}
		s.Stop(name)
		if stopped := s.Position(s.ReadOffsets(name)); stopped != last {
			t.Errorf("committed %d of %d when stopped", stopped, last)
		}
	})
}

func TestBothCopiesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		for _, name := range []string{"one", "two"} {
			s := suiteOf(t, start(t, WithKafka(shared), WithName(name)))
			s.CreateNamed("orders", SourceConfig(numbers, 1), connect.Running)
			s.HasWritten("orders", numbers)
		}
		must(t, wait.For(t.Context(), time.Second))
		if overlaps := shared.Overlaps("orders"); len(overlaps) != 1 || overlaps[0].A.Cluster != "one" || overlaps[0].B.Cluster != "two" {
			t.Errorf("overlaps %+v", overlaps)
		}
		if count := shared.Count(numbers); count.Duplicated == 0 {
			t.Errorf("%+v", count)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSinksOfOneGroupShare: two copies of a sink split the partitions and nothing
// fails, so nobody notices.
func TestSinksOfOneGroupShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		shared.Produce("in", 4, 1000)
		for _, name := range []string{"one", "two"} {
			s := suiteOf(t, start(t, WithKafka(shared), WithName(name)))
			s.CreateNamed("orders", SinkConfig("in", "out"), connect.Running)
		}
		must(t, wait.For(t.Context(), time.Minute))
		count, by := shared.Count("out"), map[string]int{}
		for _, record := range shared.Records("out") {
			by[record.Cluster]++
		}
		if count.Records != 4000 || count.Duplicated != 0 || by["one"] == 0 || by["two"] == 0 {
			t.Errorf("%+v, by cluster %v", count, by)
		}
		group, err := shared.Group(t.Context(), "connect-orders")
		if err != nil || group.Members != 2 || group.Ended() {
			t.Errorf("group %+v, %v", group, err)
		}
	})
}

func TestGroupWithMembersTakesNoOffsets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		shared.Produce("in", 1, 1000)
		running := suiteOf(t, start(t, WithKafka(shared)))
		stopped := suiteOf(t, start(t, WithKafka(shared)))
		running.CreateNamed("orders", SinkConfig("in", "out"), connect.Running)
		running.HasWritten("orders", "in")
		stopped.CreateNamed("orders", SinkConfig("in", "out"), connect.Stopped)
		_, err := stopped.Client.AlterOffsets(t.Context(), "orders", stopped.JSON(`{"offsets":[{"partition":{"kafka_topic":"in","kafka_partition":0},"offset":{"kafka_offset":1}}]}`))
		stopped.WantRefused(err, http.StatusInternalServerError, "this operation can be safely retried")
		running.Stop("orders")
		if _, err := stopped.Client.ResetOffsets(t.Context(), "orders"); err != nil {
			t.Error(err)
		}
		if group, err := shared.Group(t.Context(), "connect-orders"); err != nil || group.State != "Dead" {
			t.Errorf("group %+v, %v", group, err)
		}
	})
}

func TestLaggingWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t, WithWorkers(2), WithLag(1, 2*time.Second))
		s := suiteOf(t, cluster)
		name := s.Create(SourceConfig(numbers, 1), connect.Running)
		s.AwaitAll(name, connect.Running, 1)
		late := s.Client.On(1)
		if _, err := late.Config(t.Context(), name); !connect.IsNotFound(err) {
			t.Errorf("the lagging worker knows the connector already: %v", err)
		}
		must(t, wait.For(t.Context(), 5*time.Second))
		s.Stop(name)
		status, err := late.Status(t.Context(), name)
		if err != nil || !status.AllTasks(connect.Running) {
			t.Errorf("the lagging worker shows %+v, %v", status, err)
		}
		// Its first read lacks the partition that the stop committed, the next has it.
		for i, want := range []int{0, 1} {
			document, err := late.Offsets(t.Context(), name)
			must(t, err)
			if read, err := offset.Parse(document); err != nil || read.Len() != want {
				t.Errorf("read %d of the lagging worker: %s, %v", i, document, err)
			}
		}
	})
}

func TestKilledWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t, WithWorkers(2))
		s := suiteOf(t, cluster)
		name := s.Create(SourceConfig(numbers, 4), connect.Running)
		s.AwaitAll(name, connect.Running, 4)
		must(t, wait.For(t.Context(), 30*time.Second))
		cluster.KillWorker(0)
		if _, err := s.Client.On(0).Server(t.Context()); !connect.IsUnreachable(err) {
			t.Errorf("the dead worker answers: %v", err)
		}
		must(t, wait.For(t.Context(), 30*time.Second))
		s.AwaitAll(name, connect.Running, 4)
		// What its tasks had sent since the last commit comes again.
		if count := cluster.Kafka().Count(numbers); count.Missing != 0 || count.Duplicated == 0 {
			t.Errorf("%+v", count)
		}
		history, err := cluster.StatusLog().History(t.Context(), name)
		must(t, err)
		for _, record := range history {
			if record.State == connect.Unassigned && record.WorkerID == cluster.workers[0].id {
				t.Errorf("the dead worker spoke: %+v", record)
			}
		}
	})
}

func TestWorkerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t, WithWorkers(2))
		s := suiteOf(t, cluster)
		cluster.WorkerDown(0, true)
		if _, err := s.Client.Connectors(t.Context()); err != nil {
			t.Errorf("no failover: %v", err)
		}
		err := s.Client.On(1).Create(t.Context(), "orders", SourceConfig(numbers, 1), connect.Stopped)
		if !connect.IsTemporary(err) || !strings.Contains(err.Error(), "IO Error trying to forward") {
			t.Errorf("a follower without a leader: %v", err)
		}
		cluster.WorkerDown(0, false)
		must(t, s.Client.On(1).Create(t.Context(), "orders", SourceConfig(numbers, 1), connect.Stopped))
	})
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t)
		s := suiteOf(t, cluster)
		name := s.Topic() + "-connector"
		cluster.FailStarts(name, "java.net.ConnectException: no route")
		must(t, s.CreateAgain(name, SourceConfig(numbers, 2), connect.Running))
		failed := s.AwaitStatus(name, "tasks failed", func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
		if failed.Tasks[1].Trace != "java.net.ConnectException: no route" || failed.Connector.State != connect.Running {
			t.Errorf("%+v", failed)
		}
		cluster.FailStarts(name, "")
		must(t, s.Client.Restart(t.Context(), name))
		s.AwaitAll(name, connect.Running, 2)
		cluster.FailTask(name, 1, "disk full")
		s.AwaitStatus(name, "task 1 failed", func(status connect.Status) bool {
			return status.Tasks[1].State == connect.Failed && status.Tasks[1].Trace == "disk full" && status.Tasks[0].State == connect.Running
		})
		s.Stop(name)
		sick := s.Create(SourceConfig(numbers, 1).With("fail.after", rawjson.String("20")), connect.Running)
		s.AwaitStatus(sick, "failed", func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
		s.Stop(sick)
		// A failed task has committed what it sent.
		if position := s.Position(s.ReadOffsets(sick)); position != 19 {
			t.Errorf("the failed task committed %d", position)
		}
	})
}

func TestIntercept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t)
		client := cluster.Client()
		creates := func(r *http.Request) bool { return r.Method == http.MethodPost }
		cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if creates(r) {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
		err := client.Create(t.Context(), "orders", SourceConfig(numbers, 1), connect.Stopped)
		if _, reading := client.Config(t.Context(), "orders"); !connect.IsUnreachable(err) || !connect.IsNotFound(reading) {
			t.Errorf("lost request: %v, then %v", err, reading)
		}
		cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if creates(r) {
				LoseAnswer(r, next)
			}
			next.ServeHTTP(w, r)
		})
		err = client.Create(t.Context(), "orders", SourceConfig(numbers, 1), connect.Stopped)
		if _, reading := client.Config(t.Context(), "orders"); !connect.IsUnreachable(err) || reading != nil {
			t.Errorf("lost answer: %v, then %v", err, reading)
		}
		cluster.Intercept(nil)
	})
}

// TestRequestsOutliveTheirCaller: a worker carries on with a request whose sender
// has gone.
func TestRequestsOutliveTheirCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t)
		cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			cluster.pause(time.Second)
			next.ServeHTTP(w, r)
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("no patience"))
		defer cancel()
		if err := cluster.Client().Create(ctx, "orders", SourceConfig(numbers, 1), connect.Stopped); err == nil {
			t.Fatal("the request outlived its context")
		}
		must(t, wait.For(t.Context(), 2*time.Second))
		cluster.Intercept(nil)
		if _, err := cluster.Client().Config(t.Context(), "orders"); err != nil {
			t.Errorf("it was not carried out: %v", err)
		}
	})
}

// TestConflicts: while connectors are created side by side, offsets cannot be
// altered for moments, nor configs be read.
func TestConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t)
		s := suiteOf(t, cluster)
		name := s.Create(SourceConfig(numbers, 1), connect.Stopped)
		seen := map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		impatient := s.Client.RetryFor(0)
		note := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if answer, refused := errors.AsType[*connect.ResponseError](err); refused && connect.IsTemporary(err) {
				seen[answer.Status]++
			} else if err != nil {
				t.Error(err)
			}
		}
		for i := range 40 {
			all.Go(func() {
				note(impatient.Create(t.Context(), "other-"+strconv.Itoa(i), SourceConfig(numbers, 1), connect.Stopped))
			})
			all.Go(func() {
				_, err := impatient.AlterOffsets(t.Context(), name, s.JSON(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`))
				note(err)
			})
			all.Go(func() {
				_, err := impatient.Tasks(t.Context(), name)
				note(err)
			})
		}
		all.Wait()
		if seen[http.StatusConflict] == 0 || seen[http.StatusInternalServerError] == 0 {
			t.Errorf("no conflicts: %v", seen)
		}
	})
}

func TestHashMapOrder(t *testing.T) {
	// As Java 17 iterates over new HashMap<>(Map.of(...)).
	for given, want := range map[string]string{
		`{"database":"d","server":"s"}`:             `{"server":"s","database":"d"}`,
		`{"server":"s","database":"d"}`:             `{"server":"s","database":"d"}`,
		`{"topic":"t","partition":1,"cluster":"c"}`: `{"cluster":"c","partition":1,"topic":"t"}`,
		`{"protocol":"1","table":"a"}`:              `{"protocol":"1","table":"a"}`,
		`{"Aa":1,"BB":2}`:                           `{"Aa":1,"BB":2}`,
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"äöü":1,"zzzzzz":1,"日本":1}`: `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"äöü":1,"j":1,"k":1,"日本":1,"l":1,"m":1,"n":1,"zzzzzz":1}`,
		`{"BB":2,"Aa":1}`: `{"BB":2,"Aa":1}`,
	} {
		value, err := rawjson.Parse([]byte(given))
		must(t, err)
		if got := hashmap.Order(value).String(); got != want {
			t.Errorf("%s is spelled %s, want %s", given, got, want)
		}
	}
}

func TestJavaDouble(t *testing.T) {
	// As Double.toString writes them.
	for double, want := range map[float64]string{
		1e-3: "0.001", 9.99e-4: "9.99E-4", 1e7: "1.0E7", 9999999.5: "9999999.5", 1e30: "1.0E30", 0.1: "0.1", -1e7: "-1.0E7",
		1e-5: "1.0E-5", 123456789.5: "1.234567895E8", 0: "0.0", 1000: "1000.0",
	} {
		if got := javaDouble(double); got != want {
			t.Errorf("%g is written %s, want %s", double, got, want)
		}
	}
}
