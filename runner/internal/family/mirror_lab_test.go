package family_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// TestMirrorTailIsCounted kills the worker of a MirrorSourceConnector long after
// its last commit, so that the target topic holds records that its offsets do not
// count, and compares the number that is said before the start with the number of
// duplicates that are there after it.
func TestMirrorTailIsCounted(t *testing.T) {
	s := newStage(t)
	factory, central := s.Kafka("factory"), s.Kafka("central")
	name := labtest.Name(t)
	target := "factory." + name
	traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{Bootstrap: factory.Bootstrap(), Topic: name, Stream: "s", Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.AwaitSequence(t.Context(), factory.Bootstrap(), name, "s", 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	s.run(name, lab.MirrorSource(factory, central, name))
	s.reaches(target, "s", 300)

	// A graceful move has nothing to send again, and knows it.
	moved := s.ferry(event.Moved, "move", name)
	if moved.SentAgain == nil || *moved.SentAgain != 0 {
		t.Errorf("sent again after a graceful stop: %v, want 0", moved.SentAgain)
	}
	s.reaches(target, "s", s.count(target)["s"].Last+300)
	s.ferry(event.RolledBack, "rollback", name)
	s.reaches(target, "s", s.count(target)["s"].Last+300)

	global := s.Connect("global")
	s.killPaused(global, name)
	before := s.count(target)
	if before.Duplicated() != 0 || before.Lost() != 0 {
		t.Fatalf("before: %+v", before)
	}
	refused := s.ferry(event.NotProven, "move", name)
	if refused.SentAgain == nil || *refused.SentAgain == 0 || !says(refused, "would be sent again") {
		t.Fatalf("sent again: %v: %s", refused.SentAgain, refused.Message)
	}
	got := s.ferry(event.Moved, "move", name, "--allow-duplicates")
	if got.SentAgain == nil || *got.SentAgain != *refused.SentAgain {
		t.Fatalf("sent again: %v, first %d", got.SentAgain, *refused.SentAgain)
	}
	if err := s.Connect("europe").Client().Resume(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	last, err := traffic.Stop()
	if err != nil {
		t.Fatal(err)
	}
	s.reaches(target, "s", last)
	after := s.count(target)
	if after.Lost() != 0 || after.Duplicated() != *got.SentAgain {
		t.Errorf("%d said to be sent again, %d duplicated, %d lost", *got.SentAgain, after.Duplicated(), after.Lost())
	}
	t.Logf("%d said to be sent again before the start, %d duplicated after it, %d lost, of %d", *got.SentAgain, after.Duplicated(), after.Lost(), after.Records())
}

// killPaused kills the only worker of a cluster at once, and starts it again with
// the connector paused, so that it has committed nothing of what it wrote last.
func (s *stage) killPaused(cluster *lab.Connect, connector string) {
	s.t.Helper()
	if err := cluster.Worker(0).Kill(); err != nil {
		s.t.Fatal(err)
	}
	client, err := kafka.Open(s.t.Context(), kafka.Config{Brokers: []string{cluster.Kafka().Bootstrap()}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if err := client.ConfigLog(cluster.ConfigTopic()).SetTargetState(s.t.Context(), connector, connect.Paused); err != nil {
		s.t.Fatal(err)
	}
	if err := cluster.Worker(0).Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	err = wait.Until(s.t.Context(), connector+" to be paused", time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, connector)
		if err != nil {
			return false, err.Error(), nil
		}
		return status.Connector.State == connect.Paused && len(status.Tasks) > 0 && status.AllTasks(connect.Paused), fmt.Sprintf("%+v", status), nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
