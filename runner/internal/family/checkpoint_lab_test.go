package family_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// TestSinkMovesToAnotherKafka moves a sink to another Kafka cluster, to which
// MirrorMaker brings its topic and its checkpoints, and back, under traffic. The records of both
// topics are matched one by one, so that nothing is lost and nothing is there twice.
func TestSinkMovesToAnotherKafka(t *testing.T) { sinkMoves(t, nil) }

// TestTransformedTopicStaysAtLeastOnce has MirrorMaker add a header to each record: nothing is
// lost, and no more is there twice than was said.
func TestTransformedTopicStaysAtLeastOnce(t *testing.T) {
	sinkMoves(t, map[string]string{
		"transforms": "mark", "transforms.mark.type": "org.apache.kafka.connect.transforms.InsertHeader",
		"transforms.mark.header": "mirrored", "transforms.mark.value.literal": "yes",
	})
}

// sinkMoves moves a sink whose topic MirrorMaker brings, with these transforms.
func sinkMoves(t *testing.T, transforms map[string]string) {
	s := newStage(t)
	s.origin = "plant"
	factory, central := s.Kafka("factory"), s.Kafka("central")
	name := labtest.Name(t)
	traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{Bootstrap: factory.Bootstrap(), Topic: name, Stream: "s", Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.AwaitSequence(t.Context(), factory.Bootstrap(), name, "s", 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sink")
	s.runOn("plant", name, lab.With(lab.FileSink(name, file), map[string]string{
		"key.converter":   "org.apache.kafka.connect.storage.StringConverter",
		"value.converter": "org.apache.kafka.connect.storage.StringConverter",
	}))
	s.run(name+"-source", lab.With(lab.MirrorSource(factory, central, name), transforms))
	s.run(name+"-checkpoint", lab.MirrorCheckpoint(factory, central, name))

	// The first checkpoint comes once the sink has committed, and a sync is there.
	err = wait.Until(t.Context(), "a checkpoint", 90*time.Second, func(context.Context) (bool, string, error) {
		refused := s.ferry(event.Refused, "check", name, "--set", "topics=factory."+name)
		return says(refused, "accept that with --at-least-once"), refused.Message, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if refused := s.ferry(event.Refused, "move", name, "--at-least-once"); !says(refused, "--set topics=factory."+name) {
		t.Errorf("with the names of the origin: %s", refused.Message)
	}

	moved := s.ferry(event.Moved, "move", name, "--at-least-once", "--set", "topics=factory."+name)
	s.isTranslated(moved, transforms == nil)
	s.written(file, traffic.Acked()+400)
	there := numbersIn(t, file)
	if lost, twice := there.lost(), there.twice(); lost != 0 || twice > *moved.SentAgain {
		t.Errorf("after the move: %d lost, %d duplicated", lost, twice)
	}
	back := s.ferry(event.RolledBack, "rollback", name)
	s.isTranslated(back, transforms == nil)
	last, err := traffic.Stop()
	if err != nil {
		t.Fatal(err)
	}
	s.written(file, last)
	all := numbersIn(t, file)
	if lost, twice := all.lost(), all.twice(); lost != 0 || twice > *moved.SentAgain+*back.SentAgain {
		t.Errorf("after the rollback: %d lost, %d duplicated", lost, twice)
	}
	t.Logf("moved: %d records aligned, %d said to be sent again, down for %d ms; back: %d aligned, %d said, down for %d ms; %d lost, %d duplicated, of %d",
		moved.Aligned, *moved.SentAgain, *moved.DowntimeMS, back.Aligned, *back.SentAgain, *back.DowntimeMS, all.lost(), all.twice(), last+1)
}

func (s *stage) isTranslated(got event.ConnectorResult, aligned bool) {
	s.t.Helper()
	if !aligned {
		if got.Copy != "checkpoints" || got.SentAgain == nil || got.Aligned != 0 {
			s.t.Fatalf("copy %s, sent again %v, aligned %d: %s", got.Copy, got.SentAgain, got.Aligned, got.Message)
		}
		return
	}
	if got.Copy != "checkpoints" || got.SentAgain == nil || *got.SentAgain != 0 || got.Proof == nil || got.Proof.Kind != event.Hard || !says(got, "aligned: no records are sent again") {
		s.t.Fatalf("copy %s, sent again %v, proof %+v: %s", got.Copy, got.SentAgain, got.Proof, got.Message)
	}
}

// written waits until a sink has written a sequence to its file.
func (s *stage) written(file string, sequence int64) {
	s.t.Helper()
	err := wait.Until(s.t.Context(), fmt.Sprintf("sequence %d in the file of the sink", sequence), 90*time.Second, func(context.Context) (bool, string, error) {
		seen := numbersIn(s.t, file)
		return seen[sequence] > 0, fmt.Sprintf("it has %d others", len(seen)), nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// numbers says how often a file of numbers has each, one a line.
type numbers map[int64]int64

func numbersIn(t *testing.T, file string) numbers {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := numbers{}
	for line := range strings.Lines(string(text)) {
		number, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			t.Fatalf("%s: %q is no number", file, line)
		}
		if strings.HasSuffix(line, "\n") { // else it is being written
			seen[number]++
		}
	}
	return seen
}

// lost counts the numbers from 0 to the highest that are not there.
func (n numbers) lost() int64 {
	highest := int64(-1)
	for number := range n {
		highest = max(highest, number)
	}
	return highest + 1 - int64(len(n))
}

func (n numbers) twice() (more int64) {
	for _, count := range n {
		more += count - 1
	}
	return more
}
