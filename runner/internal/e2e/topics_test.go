package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// rewrite changes the clusters file line by line; "" removes a line.
func (s *stage) rewrite(change func(line string) string) {
	s.t.Helper()
	content, err := os.ReadFile(s.clusters)
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		lines = append(lines, change(line))
	}
	if err := os.WriteFile(s.clusters, []byte(strings.Join(lines, "")), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) nameNoTopics() {
	s.t.Helper()
	s.rewrite(func(line string) string {
		if strings.Contains(line, "_storage_topic") {
			return ""
		}
		return line
	})
}

// The clusters file names the Kafka and no topic of it.
func TestMoveFindsTheTopicsByItself(t *testing.T) {
	s := newStage(t, true)
	s.nameNoTopics()
	connector, topic := inTopic(t, "source"), inTopic(t, "records")
	s.run(connector, lab.NumberedSource(topic, 2, 100))
	s.flows(topic, 20)
	moved := s.ferry(append(moving("move", connector), "--proof", "hard")...)
	s.want(moved, 0, event.Moved)
	if got := moved.Result.Connectors[0].Proof; got == nil || got.Kind != event.Hard {
		t.Errorf("the proof is %+v\n%s", got, moved.Stderr)
	}
	if want := "cluster global: found its config topic connect-global-configs, status topic connect-global-status"; !strings.Contains(moved.Stderr, want) {
		t.Errorf("it does not tell %q\n%s", want, moved.Stderr)
	}
	back := s.ferry(append(moving("rollback", connector), "--proof", "hard")...)
	s.want(back, 0, event.RolledBack)
	s.exact(connector, topic)
}

func TestMoveRefusesTheTopicOfAnotherCluster(t *testing.T) {
	s := newStage(t, true)
	s.rewrite(func(line string) string {
		return strings.ReplaceAll(line, "connect-global-status", "connect-europe-status")
	})
	connector, topic := inTopic(t, "source"), inTopic(t, "records")
	s.run(connector, lab.NumberedSource(topic, 1, 100))
	refused := s.ferry(moving("move", connector)...)
	want := `cluster global: topic "connect-europe-status", given as kafka.status_storage_topic, is not this cluster's`
	if refused.Code != 10 || !strings.Contains(refused.Result.Message, want) || !strings.Contains(refused.Result.Message, `"connect-global-status" is`) {
		t.Errorf("exit code %d: %s", refused.Code, refused.Result.Message)
	}
	if state := s.state("global", connector); state != "RUNNING" {
		t.Errorf("the origin is %s", state)
	}
}
