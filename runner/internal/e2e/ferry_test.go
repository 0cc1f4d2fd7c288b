package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka:   []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Connect: []lab.ConnectSpec{{Name: "global", Kafka: "central", Workers: 2}, {Name: "europe", Kafka: "central"}},
	})
}

// stage is the lab, the built runner, and a clusters file for it.
type stage struct {
	*lab.Lab
	t         *testing.T
	binary    string
	clusters  string
	withKafka bool // the clusters file names the Kafka
	plants    secrettest.Plants
}

func newStage(t *testing.T, withKafka bool) *stage {
	t.Helper()
	folder := t.TempDir()
	s := &stage{
		Lab: labtest.Lab(t), t: t, withKafka: withKafka, plants: secrettest.Plants{},
		binary: filepath.Join(folder, "ferry"), clusters: filepath.Join(folder, "clusters.yaml"),
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, "github.com/connect-ferry/connect-ferry/runner")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	if err := s.WriteClusters(s.clusters, withKafka); err != nil {
		t.Fatal(err)
	}
	return s
}

// answer is what a run of ferry came to.
type answer struct {
	code   int
	result event.Result
	stderr string
}

func (s *stage) command(ctx context.Context, arguments ...string) (*exec.Cmd, string) {
	file := filepath.Join(s.t.TempDir(), "result.json")
	arguments = append(arguments, "--clusters", s.clusters, "--output", "json", "--result", file)
	return exec.CommandContext(ctx, s.binary, arguments...), file
}

// ferry runs to the end, checks the result by its schema, and looks for secrets in
// all that is left of the run.
func (s *stage) ferry(arguments ...string) answer {
	s.t.Helper()
	command, file := s.command(s.t.Context(), arguments...)
	code, stdout, stderr := s.plants.Run(s.t, command)
	s.plants.Search(s.t, filepath.Dir(file))
	content, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, stderr)
	}
	if err := schemas.Check(schemas.Result, content); err != nil {
		s.t.Errorf("result: %v\n%s", err, content)
	}
	got := answer{code: code, stderr: stderr}
	if err := json.Unmarshal([]byte(stdout), &got.result); err != nil {
		s.t.Fatalf("stdout is not one JSON document: %v\n%s", err, stdout)
	}
	return got
}

// moving are the arguments that every command about a move from global to europe takes.
func moving(command string, connectors ...string) []string {
	arguments := []string{command, "--origin", "global", "--target", "europe"}
	for _, connector := range connectors {
		arguments = append(arguments, "--connector", connector)
	}
	return arguments
}

func (s *stage) want(got answer, code int, outcomes ...event.Outcome) {
	s.t.Helper()
	var found []event.Outcome
	for _, connector := range got.result.Connectors {
		found = append(found, connector.Outcome)
	}
	if got.code != code || fmt.Sprint(found) != fmt.Sprint(outcomes) {
		s.t.Fatalf("exit code %d, %v; want %d, %v\n%s", got.code, found, code, outcomes, got.stderr)
	}
}

// run starts a connector with secrets in its config, one of which the trace of a
// failing numbered source tells.
func (s *stage) run(connector string, config map[string]string) {
	s.t.Helper()
	config = lab.With(config, map[string]string{
		"secret": s.plants.New("secret " + connector), "db.uri": "mongodb://u:" + s.plants.New("uri "+connector) + "@host/db",
	})
	if err := s.Connect("global").Run(s.t.Context(), connector, config); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		for _, cluster := range s.Connects() {
			if err := cluster.Client().Delete(context.WithoutCancel(s.t.Context()), connector); err != nil {
				s.t.Error(err)
			}
		}
	})
}

// flows waits until a topic has this many records more than it has now.
func (s *stage) flows(topic string, more int64) {
	s.t.Helper()
	begin := int64(-1)
	err := wait.Until(s.t.Context(), "records in "+topic, 90*time.Second, func(ctx context.Context) (bool, string, error) {
		tally, err := lab.Count(ctx, s.Kafka("central").Bootstrap(), topic)
		if err != nil {
			return false, err.Error(), nil
		}
		if begin < 0 {
			begin = tally.Records()
		}
		return tally.Records() >= begin+more, fmt.Sprintf("%d records", tally.Records()), nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// exact stops the connector everywhere and counts: nothing lost, nothing twice.
func (s *stage) exact(connector, topic string) {
	s.t.Helper()
	s.flows(topic, 5)
	for _, cluster := range s.Connects() {
		if err := cluster.Client().Stop(s.t.Context(), connector); err != nil && !connect.IsNotFound(err) {
			s.t.Fatal(err)
		}
	}
	tally, err := lab.Count(s.t.Context(), s.Kafka("central").Bootstrap(), topic)
	if err != nil {
		s.t.Fatal(err)
	}
	lost := tally.Lost()
	for _, stream := range tally {
		lost += stream.First
	}
	if lost != 0 || tally.Duplicated() != 0 {
		s.t.Errorf("%s: %d lost, %d duplicated: %+v", topic, lost, tally.Duplicated(), tally)
	}
	s.t.Logf("%s: %d records, 0 lost, 0 duplicated", topic, tally.Records())
}

func (s *stage) state(cluster, connector string) connect.State {
	s.t.Helper()
	status, err := s.Connect(cluster).Client().Status(s.t.Context(), connector)
	if connect.IsNotFound(err) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return status.Connector.State
}

func proofs(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	for _, withKafka := range []bool{true, false} {
		name := map[bool]string{true: "hard", false: "timed"}[withKafka]
		t.Run(name, func(t *testing.T) { test(t, newStage(t, withKafka)) })
	}
}

func inTopic(t *testing.T, kind string) string {
	return strings.ReplaceAll(labtest.Name(t), "_", "-") + "-" + kind
}
