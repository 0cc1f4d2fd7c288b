package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func TestMain(m *testing.M) {
	// These tests wait for polls and flushes and hardly need a processor.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central", Workers: 2}, {Name: "europe", Kafka: "central"}, {Name: "asia", Kafka: "central"}, {Name: "america", Kafka: "central"},
		},
	})
}

// stage is the lab, the built runner, and a clusters file for it.
type stage struct {
	*lab.Lab
	t         *testing.T
	clusters  string
	withKafka bool // the clusters file names the Kafka
	plants    secrettest.Plants
}

func newStage(t *testing.T, withKafka bool) *stage {
	t.Helper()
	s := &stage{
		Lab: labtest.Lab(t), t: t, withKafka: withKafka, plants: secrettest.Plants{},
		clusters: filepath.Join(t.TempDir(), "clusters.yaml"),
	}
	if err := s.WriteClusters(s.clusters, withKafka); err != nil {
		t.Fatal(err)
	}
	return s
}

// arguments are those of every command on this stage.
func (s *stage) arguments(arguments []string) []string {
	return append(arguments, "--clusters", s.clusters, "--output", "json")
}

func (s *stage) command(arguments ...string) *exec.Cmd {
	command, _ := ferrytest.Command(s.t, s.arguments(arguments)...)
	return command
}

// ferry runs to the end. What it prints as JSON is one document, the result.
func (s *stage) ferry(arguments ...string) ferrytest.Answer {
	s.t.Helper()
	answer := ferrytest.Run(s.t, s.plants, s.arguments(arguments)...)
	var printed event.Result
	if err := json.Unmarshal([]byte(answer.Stdout), &printed); err != nil {
		s.t.Fatalf("stdout is not one JSON document: %v\n%s", err, answer.Stdout)
	}
	return answer
}

// moving are the arguments that every command about a move from global to europe takes.
func moving(command string, connectors ...string) []string {
	return between("global", "europe", command, connectors...)
}

// between are those of a move from origin to target.
func between(origin, target, command string, connectors ...string) []string {
	arguments := []string{command, "--origin", origin, "--target", target}
	for _, connector := range connectors {
		arguments = append(arguments, "--connector", connector)
	}
	return arguments
}

func (s *stage) want(got ferrytest.Answer, code int, outcomes ...event.Outcome) {
	s.t.Helper()
	var found []event.Outcome
	for _, connector := range got.Result.Connectors {
		found = append(found, connector.Outcome)
	}
	if got.Code != code || fmt.Sprint(found) != fmt.Sprint(outcomes) {
		s.t.Fatalf("exit code %d, %v; want %d, %v\n%s", got.Code, found, code, outcomes, got.Stderr)
	}
}

// run starts a connector with secrets in its config, one of which the trace of a
// failing numbered source tells.
func (s *stage) run(connector string, config map[string]string) {
	s.t.Helper()
	s.runOn("global", connector, config)
}

func (s *stage) runOn(cluster, connector string, config map[string]string) {
	s.t.Helper()
	config = lab.With(config, map[string]string{
		"secret": s.plants.New("secret " + connector), "db.uri": "mongodb://u:" + s.plants.New("uri "+connector) + "@host/db",
	})
	if err := s.Connect(cluster).Run(s.t.Context(), connector, config); err != nil {
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
		return
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

// proofs runs a test with each kind of proof. Like every test that has its own connectors
// and mostly waits, it runs beside others.
func proofs(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Parallel()
	for _, withKafka := range []bool{true, false} {
		name := map[bool]string{true: "hard", false: "timed"}[withKafka]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStage(t, withKafka))
		})
	}
}

func inTopic(t *testing.T, kind string) string {
	return strings.ReplaceAll(labtest.Name(t), "_", "-") + "-" + kind
}
