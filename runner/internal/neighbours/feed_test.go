package neighbours

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// counted counts the readers of a status topic, all of them and those that are open.
type counted struct {
	cluster.StatusTopic
	all, open atomic.Int32
	fail      error
}

func (c *counted) Tail(ctx context.Context) (kafka.Tail, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	tail, err := c.StatusTopic.Tail(ctx)
	c.all.Add(1)
	c.open.Add(1)
	return &countedTail{tail, c}, err
}

type countedTail struct {
	kafka.Tail
	of *counted
}

func (t *countedTail) Close() { t.of.open.Add(-1); t.Tail.Close() }

// TestWatchesShareAReader lets watches begin and end in turn. Each tells of what happened during
// it, and one reader is enough for all.
func TestWatchesShareAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := connecttest.New(connecttest.WithName("europe"))
		t.Cleanup(of.Close)
		topic := &counted{StatusTopic: of.StatusLog()}
		europe := &cluster.Cluster{Name: "europe", Client: of.Client(), Kafka: cluster.Kafka{Status: cluster.Known[cluster.StatusTopic](topic)}}
		if err := of.Client().Create(t.Context(), "orders", connecttest.SourceConfig("numbers", 1), connect.Running); err != nil {
			t.Fatal(err)
		}
		pass := func() {
			if err := wait.For(t.Context(), 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		pass()
		restart := func() {
			if err := of.Client().RestartTask(t.Context(), "orders", 0); err != nil {
				t.Error(err)
			}
			pass()
		}
		none := func(string) bool { return false }
		var watches Watches
		first := watches.Begin(t.Context(), none, europe)
		restart()
		second := watches.Begin(t.Context(), none, europe)
		if found := first.End(); len(found) != 1 || found[0].Restarted != 1 {
			t.Errorf("the first tells %+v", found)
		}
		if found := second.End(); len(found) != 1 || found[0].Restarted != 0 {
			t.Errorf("the second tells of what was before it: %+v", found)
		}
		if all, open := topic.all.Load(), topic.open.Load(); all != 1 || open != 0 {
			t.Errorf("%d readers, %d are still open", all, open)
		}
		third := watches.Begin(t.Context(), none, europe)
		restart()
		if found := third.End(); len(found) != 1 || found[0].Restarted != 1 || topic.open.Load() != 0 {
			t.Errorf("the third tells %+v, %d readers are open", found, topic.open.Load())
		}
		topic.fail = errors.New("no broker")
		if found := watches.Begin(t.Context(), none, europe).End(); len(found) != 0 {
			t.Errorf("tells %+v of a topic that cannot be read", found)
		}
		topic.fail = nil
		fourth := watches.Begin(t.Context(), none, europe)
		restart()
		if found := fourth.End(); len(found) != 1 || found[0].Restarted != 1 {
			t.Errorf("the fourth tells %+v, after a failure", found)
		}
	})
}
