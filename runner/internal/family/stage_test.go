package family_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// stage is the lab and the built runner.
type stage struct {
	*lab.Lab
	t        *testing.T
	clusters string
	origin   string // of the moves
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Lab: labtest.Lab(t), t: t, origin: "global", clusters: filepath.Join(t.TempDir(), "clusters.yaml")}
	if err := s.WriteClusters(s.clusters, true); err != nil {
		t.Fatal(err)
	}
	return s
}

// ferry runs a command about a move from the origin, global, to europe and returns what came of
// the connector.
func (s *stage) ferry(outcome event.Outcome, command, connector string, more ...string) event.ConnectorResult {
	s.t.Helper()
	arguments := append([]string{command, "--origin", s.origin, "--target", "europe", "--connector", connector, "--clusters", s.clusters, "--output", "json"}, more...)
	got, answer := ferrytest.Only(s.t, nil, arguments...)
	s.t.Logf("%s: %s: %s", command, got.Outcome, got.Message)
	if got.Outcome != outcome {
		s.t.Fatalf("%s: %s, want %s\n%s", command, got.Outcome, outcome, answer.Stderr)
	}
	return got
}

// run runs a connector on global.
func (s *stage) run(connector string, config map[string]string) {
	s.t.Helper()
	s.runOn("global", connector, config)
}

func (s *stage) runOn(cluster, connector string, config map[string]string) {
	s.t.Helper()
	if err := s.Connect(cluster).Run(s.t.Context(), connector, config); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		for _, cluster := range s.Connects() {
			if err := cluster.Client().Delete(context.WithoutCancel(s.t.Context()), connector); err != nil && !connect.IsNotFound(err) {
				s.t.Error(err)
			}
		}
	})
}

// reaches waits until a stream has come to a sequence.
func (s *stage) reaches(topic, stream string, sequence int64) {
	s.t.Helper()
	if err := lab.AwaitSequence(s.t.Context(), s.Kafka("central").Bootstrap(), topic, stream, sequence, 90*time.Second); err != nil {
		s.t.Fatal(err)
	}
}

// count counts a topic.
func (s *stage) count(topic string) lab.Tally {
	s.t.Helper()
	tally, err := lab.Count(s.t.Context(), s.Kafka("central").Bootstrap(), topic)
	if err != nil {
		s.t.Fatal(err)
	}
	return tally
}

func says(result event.ConnectorResult, text string) bool {
	for _, check := range result.Checks {
		if strings.Contains(check.Reason, text) {
			return true
		}
	}
	return strings.Contains(result.Message, text)
}

// failed waits until a task has failed and returns its trace.
func (s *stage) failed(connector string) (trace string) {
	s.t.Helper()
	client := s.Connect("global").Client()
	err := wait.Until(s.t.Context(), connector+" to fail", time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if err != nil {
			return false, err.Error(), nil
		}
		for _, task := range status.Tasks {
			if task.State == connect.Failed {
				trace = task.Trace
				return true, "", nil
			}
		}
		return false, "no task has failed", nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return trace
}
