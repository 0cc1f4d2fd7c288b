package connecttest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func interval(milliseconds string) rawjson.Object {
	return SourceConfig(numbers, 1).With("transaction.boundary", rawjson.String("interval")).
		With("transaction.boundary.interval.ms", rawjson.String(milliseconds))
}

// TestExactlyOnceIsAtomic: whenever one looks, the offset is that of the last
// record that is there.
func TestExactlyOnceIsAtomic(t *testing.T) {
	for name, config := range map[string]rawjson.Object{"poll": SourceConfig(numbers, 1), "interval": interval("700")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
				connector := s.Create(config, connect.Running)
				last := func() int64 {
					records := cluster.Kafka().Records(numbers)
					return records[len(records)-1].Number
				}
				s.Must(wait.For(t.Context(), 2*time.Second))
				for range 20 {
					s.Must(wait.For(t.Context(), 333*time.Millisecond))
					if position := s.Position(s.ReadOffsets(connector)); position != last() {
						t.Errorf("the offset is %d, the last record %d", position, last())
					}
				}
				s.Stop(connector)
				if position := s.Position(s.ReadOffsets(connector)); position != last() {
					t.Errorf("stopped at %d, the last record is %d", position, last())
				}
			}, WithExactlyOnce())
		})
	}
}

// TestFencedTaskCommitsNothing: what a fenced task has open is neither there nor
// committed, and the task fails.
func TestFencedTaskCommitsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
		name := s.Create(interval("5000"), connect.Running)
		s.Must(wait.For(t.Context(), 13*time.Second))
		before, count := s.Position(s.ReadOffsets(name)), len(cluster.Kafka().Records(numbers))
		ids, err := cluster.Fencer().Fence(t.Context(), name)
		if want := []string{cluster.Name() + "-" + name + "-0"}; err != nil || !slices.Equal(ids, want) {
			t.Fatalf("fenced %q, %v, want %q", ids, err, want)
		}
		s.AwaitStatus(name, "task fenced", func(status connect.Status) bool {
			return status.AllTasks(connect.Failed) && status.Tasks[0].Trace == errFenced
		})
		if after := s.Position(s.ReadOffsets(name)); after != before || len(cluster.Kafka().Records(numbers)) != count {
			t.Errorf("after the fence the offset went from %d to %d, the records from %d to %d", before, after, count, len(cluster.Kafka().Records(numbers)))
		}
		other, err := cluster.Fencer().Fence(t.Context(), "nobody")
		if err != nil || len(other) != 0 {
			t.Errorf("ids of nobody: %q, %v", other, err)
		}
		s.Must(s.Client.RestartTask(t.Context(), name, 0))
		s.Must(wait.For(t.Context(), 30*time.Second))
		if count := cluster.Kafka().Count(numbers); count.Missing != 0 || count.Duplicated != 0 {
			t.Errorf("%+v", count)
		}
	}, WithExactlyOnce())
}

// TestIsolatedWorker: a worker that has lost its group without knowing goes on
// side by side with those that took over. Only exactly-once ends that.
func TestIsolatedWorker(t *testing.T) {
	for name, options := range map[string][]Option{"at least once": nil, "exactly once": {WithExactlyOnce()}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
				connector := s.Create(SourceConfig(numbers, 4), connect.Running)
				s.AwaitAll(connector, connect.Running, 4)
				s.Must(wait.For(t.Context(), 10*time.Second))
				cluster.IsolateWorker(0)
				s.Must(wait.For(t.Context(), 30*time.Second))
				count := cluster.Kafka().Count(numbers)
				if exactly := len(options) > 0; exactly == (count.Duplicated > 0) || count.Missing != 0 {
					t.Errorf("%+v", count)
				}
				if _, err := s.Client.On(0).Server(t.Context()); !connect.IsUnreachable(err) {
					t.Errorf("the isolated worker answers: %v", err)
				}
			}, append(options, WithWorkers(2))...)
		})
	}
}

func TestExactlyOnceRequired(t *testing.T) {
	required := SourceConfig(numbers, 1).With("exactly.once.support", rawjson.String("required"))
	for name, options := range map[string][]Option{"disabled": nil, "enabled": {WithExactlyOnce()}, "unknown": {WithVersion("3.2.3")}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, _ *Cluster, s *conformance.Suite) {
				answer, err := s.Client.Validate(t.Context(), NumberedSource, required.With("name", rawjson.String("any")))
				s.Must(err)
				if refused := len(answer.Problems) == 1 && answer.Problems[0].Name == "exactly.once.support"; refused != (name == "disabled") {
					t.Errorf("problems: %+v", answer.Problems)
				}
			}, options...)
		})
	}
}

// TestSameGroupID: two clusters of one group.id and Kafka shut each other's
// tasks out.
func TestSameGroupID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		one := suiteOf(t, start(t, WithKafka(shared), WithGroupID("group"), WithExactlyOnce()))
		two := suiteOf(t, start(t, WithKafka(shared), WithGroupID("group"), WithExactlyOnce()))
		one.CreateNamed("orders", SourceConfig(numbers, 1), connect.Running)
		one.HasWritten("orders", numbers)
		two.CreateNamed("orders", SourceConfig(numbers, 1), connect.Running)
		one.AwaitStatus("orders", "fenced by the other cluster", func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
		two.AwaitAll("orders", connect.Running, 1)
	})
}

// TestPatchFences: a PATCH takes the transactional ids over, here those of a
// task that the stop did not end.
func TestPatchFences(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
		name := s.Create(SourceConfig(numbers, 4), connect.Running)
		s.AwaitAll(name, connect.Running, 4)
		cluster.IsolateWorker(0)
		// Before anybody takes over.
		cluster.kafka.mu.Lock()
		cluster.stopConnector(name)
		cluster.kafka.mu.Unlock()
		s.Must(wait.For(t.Context(), 5*time.Second))
		count := len(cluster.Kafka().Records(numbers))
		s.Must(wait.For(t.Context(), 5*time.Second))
		if len(cluster.Kafka().Records(numbers)) == count {
			t.Fatal("no task of the isolated worker goes on")
		}
		_, err := s.Client.On(1).AlterOffsets(t.Context(), name, s.JSON(`{"offsets":[{"partition":{"p":"not there"},"offset":null}]}`))
		s.Must(err)
		count = len(cluster.Kafka().Records(numbers))
		s.Must(wait.For(t.Context(), 5*time.Second))
		if now := len(cluster.Kafka().Records(numbers)); now != count {
			t.Errorf("%d records after the fence", now-count)
		}
	}, WithExactlyOnce(), WithWorkers(2))
}
