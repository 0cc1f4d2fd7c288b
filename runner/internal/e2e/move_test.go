package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func TestTwoAtOnceAndAgain(t *testing.T) {
	proofs(t, func(t *testing.T, s *stage) {
		a, b := inTopic(t, "a"), inTopic(t, "b")
		s.run(a, lab.NumberedSource(a, 3, 100))
		s.run(b, lab.NumberedSource(b, 1, 100))
		s.flows(a, 200)
		got := s.ferry(moving("move", a, b)...)
		s.want(got, 0, event.Moved, event.Moved)
		for _, connector := range got.Result.Connectors {
			t.Logf("%s: %s proof, down for %d ms after %d ms of pausing", connector.Connector, connector.Proof.Kind, *connector.DowntimeMS, connector.PausingMS)
		}
		s.want(s.ferry(moving("move", a, b)...), 0, event.Unchanged, event.Unchanged)
		s.want(s.ferry(moving("status", a)...), 0, event.Observed)
		s.flows(a, 200)
		s.want(s.ferry(moving("rollback", a)...), 0, event.RolledBack)
		s.exact(a, a)
		s.exact(b, b)
	})
}

func TestEveryKindOfConnector(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	factory, central := s.Kafka("factory"), s.Kafka("central")
	mirror, table, file, sink := inTopic(t, "mirror"), inTopic(t, "table"), inTopic(t, "file"), inTopic(t, "sink")

	traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{Bootstrap: factory.Bootstrap(), Topic: mirror, Stream: "s", Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.AwaitSequence(t.Context(), factory.Bootstrap(), mirror, "s", 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	s.run(mirror, lab.MirrorSource(factory, central, mirror))

	rows, err := s.StartTable(t.Context(), "e2e_rows", 100)
	if err != nil {
		t.Fatal(err)
	}
	s.run(table, lab.TableSource(rows, table))

	path := filepath.Join(t.TempDir(), "lines")
	var lines bytes.Buffer
	for n := range 500 {
		lines.WriteString("f " + strconv.Itoa(n) + "\n")
	}
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(file, lab.FileSource(path, file))
	s.flows("factory."+mirror, 100)
	s.flows(table, 100)

	archived := filepath.Join(t.TempDir(), "archive")
	s.run(sink, lab.FileSink(file, archived))

	s.want(s.ferry(moving("move", mirror, table, file, sink)...), 0, event.Moved, event.Moved, event.Moved, event.Moved)
	s.flows("factory."+mirror, 200)
	s.flows(table, 200)
	s.want(s.ferry(moving("rollback", mirror, table)...), 0, event.RolledBack, event.RolledBack)
	last, err := traffic.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.AwaitSequence(t.Context(), central.Bootstrap(), "factory."+mirror, "s", last, time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"factory." + mirror, table, file} {
		tally, err := lab.Count(t.Context(), central.Bootstrap(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if tally.Lost() != 0 || tally.Duplicated() != 0 || tally.Records() == 0 {
			t.Errorf("%s: %d records, %d lost, %d duplicated", topic, tally.Records(), tally.Lost(), tally.Duplicated())
		}
	}
	text, err := os.ReadFile(archived)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, lines.Bytes()) {
		t.Errorf("the sink wrote %d lines, want the 500 of the file once and in order", bytes.Count(text, []byte("\n")))
	}
}

// TestKilled kills moves and rollbacks at moments of chance and runs them again.
func TestKilled(t *testing.T) {
	proofs(t, func(t *testing.T, s *stage) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		chance := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- moments, not secrets
		topic := inTopic(t, "kill")
		s.run(topic, lab.NumberedSource(topic, 2, 100))
		// Without Kafka a second run has to wait longer for its proof.
		rounds := map[bool]int{true: 4, false: 2}[s.withKafka]
		for range rounds {
			for _, verb := range []string{"move", "rollback"} {
				s.flows(topic, 50)
				command := s.command(moving(verb, topic)...)
				var stderr bytes.Buffer
				command.Stderr = &stderr
				if err := command.Start(); err != nil {
					t.Fatal(err)
				}
				moment := time.Duration(chance.Int64N(int64(2500 * time.Millisecond)))
				if err := wait.For(t.Context(), moment); err != nil {
					t.Fatal(err)
				}
				_ = command.Process.Kill()
				_ = command.Wait() // killed, or done before
				got := s.ferry(moving(verb, topic)...)
				if got.Code != 0 {
					t.Fatalf("%s, killed after %s, then exit code %d:\n%s\n%s", verb, moment, got.Code, stderr.String(), got.Stderr)
				}
				t.Logf("%s killed after %s, then %s", verb, moment, got.Result.Connectors[0].Message)
			}
		}
		s.exact(topic, topic)
	})
}

// The origin is the cluster of one worker: among two, a rebalance by another test would cut
// off a task whose poll is blocked for longer than a worker waits.
func TestBlockedPollIsWaitedFor(t *testing.T) {
	proofs(t, func(t *testing.T, s *stage) {
		topic := inTopic(t, "slow")
		s.runOn("europe", topic, lab.With(lab.NumberedSource(topic, 1, 10), map[string]string{"poll.block.ms": "6000"}))
		s.flows(topic, 10)
		got := s.ferry(between("europe", "global", "move", topic)...)
		s.want(got, 0, event.Moved)
		s.exact(topic, topic)
	})
}

func TestInterruptedInABlockedPoll(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	topic := inTopic(t, "slow")
	s.runOn("europe", topic, lab.With(lab.NumberedSource(topic, 1, 10), map[string]string{"poll.block.ms": "8000"}))
	s.flows(topic, 10)
	command := s.command(between("europe", "global", "move", topic)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := wait.For(t.Context(), 2*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if code := command.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit code %d, want 130\n%s", code, stderr.String())
	}
	if origin, target := s.state("europe", topic), s.state("global", topic); origin != connect.Running || target != "" {
		t.Errorf("%s on europe, %q on global\n%s", origin, target, stderr.String())
	}
	s.exact(topic, topic)
}

// Not in parallel: europe must have no connectors.
func TestOrderedMapKeysTravelFromTopicToTopicOnly(t *testing.T) {
	s := newStage(t, true)
	topic := inTopic(t, "linked")
	s.run(topic, lab.With(lab.NumberedSource(topic, 1, 50), map[string]string{"key.order": "linked"}))
	s.flows(topic, 50)
	// Offsets are flushed every minute; a pause and resume is not a flush, a stop is.
	client := s.Connect("global").Client()
	if err := client.Stop(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if err := client.Resume(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	s.flows(topic, 50)
	got := s.ferry(append(moving("move", topic), "--copy", "rest")...)
	s.want(got, 10, event.Refused)
	if !strings.Contains(got.Result.Connectors[0].Message, "offsets cannot travel by REST") {
		t.Error(got.Result.Connectors[0].Message)
	}
	if origin, target := s.state("global", topic), s.state("europe", topic); origin != connect.Running || target != "" {
		t.Errorf("%s on global, %q on europe", origin, target)
	}
	// A target without connectors gives nothing to know its topics by.
	s.nameNoTopics()
	unknown := s.ferry(moving("move", topic)...)
	s.want(unknown, 10, event.Refused)
	if want := "name the right one as kafka.offset_storage_topic in the clusters file"; !strings.Contains(unknown.Result.Connectors[0].Message, want) {
		t.Error(unknown.Result.Connectors[0].Message)
	}
	if err := s.WriteClusters(s.clusters, true); err != nil {
		t.Fatal(err)
	}
	s.want(s.ferry(moving("move", topic)...), 0, event.Moved)
	s.exact(topic, topic)
}

func TestCopyThatFailsIsRolledBack(t *testing.T) {
	proofs(t, func(t *testing.T, s *stage) {
		topic := inTopic(t, "fails")
		s.run(topic, lab.NumberedSource(topic, 2, 100))
		s.flows(topic, 100)
		got := s.ferry(append(moving("move", topic), "--set", "fail.on.start=true")...)
		s.want(got, 12, event.RolledBack)
		s.exact(topic, topic)
	})
}

func TestOffsetsAsAFile(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	topic, file := inTopic(t, "digits"), filepath.Join(t.TempDir(), "offsets.json")
	s.run(topic, lab.With(lab.NumberedSource(topic, 1, 50), map[string]string{"start.sequence": "9007199254740993"}))
	s.flows(topic, 50)
	single := func(command, cluster string, more ...string) []string {
		return append([]string{command, "--cluster", cluster, "--connector", topic}, more...)
	}
	s.want(s.ferry(single("flush-wait", "global")...), 0, event.Quiesced)
	s.want(s.ferry(single("connect-offsets-get", "global", "--out", file)...), 0, event.Read)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), ":900719925474") {
		t.Errorf("offsets lost their digits: %s", text)
	}
	s.want(s.ferry(single("create-stopped", "europe", "--from", "global")...), 0, event.Created)
	s.want(s.ferry(single("start", "europe", "--origin", "global")...), 10, event.Refused)
	s.want(s.ferry(single("connect-offsets-put", "europe", "--offsets", file)...), 0, event.Written)
	s.want(s.ferry(single("connect-offsets-put", "europe", "--offsets", file)...), 0, event.Written)
	s.want(s.ferry(single("start", "europe", "--origin", "global")...), 0, event.Started)
	s.flows(topic, 50)
	tally, err := lab.Count(t.Context(), s.Kafka("central").Bootstrap(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if tally.Lost() != 0 || tally.Duplicated() != 0 {
		t.Errorf("%+v", tally)
	}
}
