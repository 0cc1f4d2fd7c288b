package oldworkers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
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

// stage is the lab, the built runner and a clusters file.
type stage struct {
	*lab.Lab
	*testing.T
	clusters string
	plants   secrettest.Plants
}

func newStage(t *testing.T) stage {
	t.Helper()
	s := stage{Lab: labtest.Lab(t), T: t, plants: secrettest.Plants{}, clusters: filepath.Join(t.TempDir(), "clusters.yaml")}
	if err := s.WriteClusters(s.clusters, true); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s stage) bootstrap() string { return s.Kafka("central").Bootstrap() }

// ferry runs a command on one connector and wants it done with a hard proof.
func (s stage) ferry(t *testing.T, outcome event.Outcome, way, command string, arguments ...string) {
	t.Helper()
	one, answer := ferrytest.Only(t, s.plants, append([]string{command, "--clusters", s.clusters, "--output", "json"}, arguments...)...)
	if answer.Code != 0 || one.Outcome != outcome || one.Copy != way || one.Proof.Kind != event.Hard {
		t.Fatalf("%s: exit code %d, %+v\n%s", command, answer.Code, one, answer.Stderr)
	}
	t.Logf("%s: %s", command, one.Message)
}

// TestSources moves sources from and to each version and back, and counts.
func TestSources(t *testing.T) {
	s := newStage(t)
	linked := map[string]string{"key.order": "linked"}
	for _, test := range []struct {
		origin, target, way string
		settings            map[string]string
	}{
		{origin: "v28", target: "now", way: "raw"},
		{origin: "v34", target: "v36", way: "raw"},
		{origin: "now", target: "v36", way: "rest"},
		{origin: "now", target: "v28", way: "raw", settings: linked},
		{origin: "v36", target: "now", way: "raw", settings: linked},
	} {
		name := test.origin + "-" + test.target
		t.Run(name, func(t *testing.T) {
			origin := s.Connect(test.origin)
			if err := origin.Run(t.Context(), name, lab.With(lab.NumberedSource(name, 2, rate), test.settings, map[string]string{"secret": s.plants.New(name)})); err != nil {
				t.Fatal(err)
			}
			sequence := int64(0)
			more := func() {
				t.Helper()
				sequence += rate
				for _, stream := range []string{name + "-0", name + "-1"} {
					if err := lab.AwaitSequence(t.Context(), s.bootstrap(), name, stream, sequence, time.Minute); err != nil {
						t.Fatal(err)
					}
				}
			}
			between := []string{"--origin", test.origin, "--target", test.target, "--connector", name}
			more()
			s.ferry(t, event.Moved, test.way, "move", between...)
			more()
			s.ferry(t, event.RolledBack, test.way, "rollback", between...)
			more()
			tally, err := lab.Count(t.Context(), s.bootstrap(), name)
			if err != nil || tally.Lost() != 0 || tally.Duplicated() != 0 {
				t.Errorf("%d records, %d lost, %d duplicated, %v", tally.Records(), tally.Lost(), tally.Duplicated(), err)
			}
			if err := origin.Client().Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSinks moves sinks on one Kafka, under the same name, which shares the
// group, and under another, which needs the group's offsets, and back.
func TestSinks(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct{ origin, target, rename, way string }{
		{origin: "v28", target: "now", way: "shared"},
		{origin: "v34", target: "v28", rename: "renamed-old", way: "group"},
		{origin: "now", target: "v34", rename: "renamed-new", way: "group"},
	} {
		name := "sink-" + test.origin + "-" + test.target
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "written")
			traffic, err := lab.StartTraffic(context.WithoutCancel(t.Context()), lab.TrafficSpec{Bootstrap: s.bootstrap(), Topic: name, Stream: name, Rate: rate})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = traffic.Stop() }()
			if err := s.Connect(test.origin).Run(t.Context(), name, lab.FileSink(name, file)); err != nil {
				t.Fatal(err)
			}
			seen := 0
			more := func() {
				t.Helper()
				seen += rate
				s.awaitLines(t, file, seen)
			}
			between := []string{"--origin", test.origin, "--target", test.target, "--connector", name}
			if test.rename != "" {
				between = append(between, "--rename", name+"="+test.rename)
			}
			more()
			s.ferry(t, event.Moved, test.way, "move", between...)
			more()
			s.ferry(t, event.RolledBack, test.way, "rollback", between...)
			last, err := traffic.Stop()
			if err != nil {
				t.Fatal(err)
			}
			lines := s.awaitLines(t, file, int(last)+1)
			slices.Sort(lines)
			if distinct := len(slices.Compact(slices.Clone(lines))); len(lines) != int(last)+1 || distinct != len(lines) {
				t.Errorf("%d records sent, %d written, %d of them distinct", last+1, len(lines), distinct)
			}
		})
	}
}

// awaitLines waits until a sink has written so many lines, and returns all there are.
func (s stage) awaitLines(t *testing.T, file string, count int) []string {
	t.Helper()
	var lines []string
	err := wait.Until(t.Context(), "the sink's file", time.Minute, func(context.Context) (bool, string, error) {
		content, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			return false, "", err
		}
		lines = strings.Fields(string(content))
		return len(lines) >= count, fmt.Sprintf("%d of %d lines", len(lines), count), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
