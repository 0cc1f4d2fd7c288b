package connecttest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// TestPausedTaskBeforeKafka30: there a paused task's last batch is committed
// within the flush interval, since then it never is.
func TestPausedTaskBeforeKafka30(t *testing.T) {
	for version, complete := range map[string]bool{"2.8.2": true, "3.0.2": false, "3.4.1": false} {
		t.Run(version, func(t *testing.T) {
			inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
				s.Must(s.Client.PutConfig(t.Context(), "orders", SourceConfig(numbers, 1).With("ack.ms", rawjson.String("100"))))
				s.AwaitAll("orders", connect.Running, 1)
				s.Must(wait.For(t.Context(), 10*time.Second))
				s.Must(s.Client.Pause(t.Context(), "orders"))
				s.AwaitAll("orders", connect.Paused, 1)
				s.Must(wait.For(t.Context(), 2*time.Minute))
				sent := cluster.Kafka().Records(numbers)
				stored, err := cluster.OffsetTopic("").Read(t.Context(), "orders")
				s.Must(err)
				if last := sent[len(sent)-1].Number; (s.Position(stored) == last) != complete {
					t.Errorf("committed %s of %d while paused", stored.JSON(), last)
				}
			}, WithVersion(version))
		})
	}
}

// TestFlushBeforeKafka30: a commit waits for what was sent before it, and is
// given up when that takes longer than offset.flush.timeout.ms.
func TestFlushBeforeKafka30(t *testing.T) {
	for ack, committed := range map[string]int{"3000": 1, "7000": 0} {
		t.Run(ack, func(t *testing.T) {
			inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
				s.Must(s.Client.PutConfig(t.Context(), "orders", SourceConfig(numbers, 1).With("ack.ms", rawjson.String(ack))))
				s.AwaitAll("orders", connect.Running, 1)
				s.Must(wait.For(t.Context(), 70*time.Second))
				if stored, err := cluster.OffsetTopic("").Read(t.Context(), "orders"); err != nil || stored.Len() != committed {
					t.Errorf("committed %s, %v", stored.JSON(), err)
				}
			}, WithVersion("2.8.2"))
		})
	}
}

// TestOwnOffsetsTopic: a connector's own topic is written beside the cluster's,
// so a copy on another cluster finds its offsets there without any copying.
func TestOwnOffsetsTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		one := start(t, WithKafka(shared))
		two := start(t, WithKafka(shared))
		first, second := suiteOf(t, one), suiteOf(t, two)
		config := SourceConfig(numbers, 1).With("offsets.storage.topic", rawjson.String("own"))
		first.CreateNamed("orders", config, connect.Running)
		first.Must(wait.For(t.Context(), 10*time.Second))
		first.Stop("orders")
		final := first.ReadOffsets("orders")
		for _, topic := range []*OffsetTopic{one.OffsetTopic("own"), one.OffsetTopic("")} {
			if stored, err := topic.Read(t.Context(), "orders"); err != nil || !offset.Equal(final, stored) || final.Len() != 1 {
				t.Errorf("topic %s holds %s, %v, want %s", topic.Name(), stored.JSON(), err, final.JSON())
			}
		}
		second.CreateNamed("orders", config, connect.Stopped)
		second.WantOffsets("orders", final.JSON().String())
		if stored, err := two.OffsetTopic("").Read(t.Context(), "orders"); err != nil || stored.Len() != 0 {
			t.Errorf("the other cluster's topic holds %s, %v", stored.JSON(), err)
		}
		first.Patch("orders", `{"offsets":[{"partition":{"p":"a"},"offset":{"n":7}}]}`)
		if stored, err := shared.OffsetTopic("own").Read(t.Context(), "orders"); err != nil || stored.Len() != 2 {
			t.Errorf("after the patch the own topic holds %s, %v", stored.JSON(), err)
		}
		second.Must(second.Client.Resume(t.Context(), "orders"))
		second.Must(wait.For(t.Context(), 10*time.Second))
		if count := shared.Count(numbers); count.Missing != 0 || count.Duplicated != 0 {
			t.Errorf("%+v", count)
		}
	})
}
