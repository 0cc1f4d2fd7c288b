package oldworkers

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{
			{Name: "v28", Kafka: "central", Version: "2.8.2"},
			{Name: "v34", Kafka: "central", Version: "3.4.1"},
			{Name: "v36", Kafka: "central", Version: "3.6.2"},
			{Name: "now", Kafka: "central"},
		},
	})
}

const rate = 200 // records a second of each task

// TestMoveAndBack moves sources from and to each version and back, and counts.
func TestMoveAndBack(t *testing.T) {
	l := labtest.Lab(t)
	binary := filepath.Join(t.TempDir(), "ferry")
	clusters := filepath.Join(t.TempDir(), "clusters.yaml")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/connect-ferry/connect-ferry/runner").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	if err := l.WriteClusters(clusters, true); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		origin, target string
		way, wayBack   string
		settings       map[string]string
	}{
		{origin: "v28", target: "now", way: "raw", wayBack: "raw"},
		{origin: "v34", target: "v36", way: "raw", wayBack: "raw"},
		{origin: "now", target: "v36", way: "rest", wayBack: "rest"},
		{origin: "now", target: "v28", way: "raw", wayBack: "raw", settings: map[string]string{"key.order": "linked"}},
		{origin: "v36", target: "now", way: "raw", wayBack: "raw", settings: map[string]string{"key.order": "linked"}},
	} {
		name := test.origin + "-" + test.target
		t.Run(name, func(t *testing.T) {
			config := lab.With(lab.NumberedSource(name, 2, rate), test.settings)
			if err := l.Connect(test.origin).Run(t.Context(), name, config); err != nil {
				t.Fatal(err)
			}
			sequence := int64(0)
			more := func() {
				t.Helper()
				sequence += rate
				for _, stream := range []string{name + "-0", name + "-1"} {
					if err := lab.AwaitSequence(t.Context(), l.Kafka("central").Bootstrap(), name, stream, sequence, time.Minute); err != nil {
						t.Fatal(err)
					}
				}
			}
			ferry := func(command string, outcome event.Outcome, way string) {
				t.Helper()
				more()
				var stdout, stderr bytes.Buffer
				run := exec.CommandContext(t.Context(), binary, command, "--clusters", clusters, "--origin", test.origin, "--target", test.target,
					"--connector", name, "--output", "json")
				run.Stdout, run.Stderr = &stdout, &stderr
				failure := run.Run()
				var result event.Result
				if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
					t.Fatalf("%s: %v: %s\n%s", command, failure, err, stderr.String())
				}
				one := result.Connectors[0]
				if failure != nil || one.Outcome != outcome || one.Copy != way || one.Proof.Kind != event.Hard {
					t.Fatalf("%s: %v, %+v\n%s", command, failure, one, stderr.String())
				}
				t.Logf("%s: %s", command, one.Message)
			}
			ferry("move", event.Moved, test.way)
			ferry("rollback", event.RolledBack, test.wayBack)
			more()
			tally, err := lab.Count(t.Context(), l.Kafka("central").Bootstrap(), name)
			if err != nil || tally.Lost() != 0 || tally.Duplicated() != 0 {
				t.Errorf("%d records, %d lost, %d duplicated, %v", tally.Records(), tally.Lost(), tally.Duplicated(), err)
			}
			status, err := l.Connect(test.origin).Client().Status(t.Context(), name)
			if err != nil || !status.AllTasks(connect.Running) {
				t.Errorf("on %s after the rollback: %+v, %v", test.origin, status, err)
			}
			if err := l.Connect(test.origin).Client().Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
}
