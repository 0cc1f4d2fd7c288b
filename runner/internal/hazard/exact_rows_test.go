package hazard

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// exactRows are about exactly-once sources, on workers that support them.
func exactRows() []row {
	return []row{
		{
			name: "H9-exactly-once", hazard: "exactly-once source, the clusters' group.id differ", stage: exact,
			how: "moved and taken back, read committed",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(100)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "H9-zombie", hazard: "exactly-once source whose worker dies with an open transaction", stage: exact,
			how: "worker of the origin killed when it is asked to stop, started again at once",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"producer.override.transaction.timeout.ms": "20000"})
				s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.bounce(s.origin, 0) })))
				got := s.ferry("move")
				return s.oneSide(got)
			},
		},
		{
			name: "H9-blocked", hazard: "exactly-once source cancelled in a long poll()", stage: exact,
			how: "poll() blocks for 20 s; ferry is told to go on without waiting (--allow-duplicates)",
			run: func(s *scene) verdict {
				s.tasks = 1
				s.begin(map[string]string{"poll.block.ms": "20000"})
				s.flush()
				s.byHand = true // a cancelled task says nothing of its end; it is fenced
				got := s.ferry("move", "--allow-duplicates", "--timeout", "8s")
				s.want(got, 0, event.Moved)
				return s.counted("moved", got)
			},
		},
		{
			name: "H9-hanging", hazard: "a transaction hangs in the offsets topic", stage: exact,
			how: "one is left in that of the origin, of which no coordinator knows",
			run: func(s *scene) verdict {
				s.begin(nil)
				if err := s.origin.Kafka().Hang(s.Context(), s.origin.OffsetsTopic(), 0, s.connector+"-hanging"); err != nil {
					s.Fatal(err)
				}
				got := s.ferry("move")
				s.want(got, 10, event.Refused)
				s.says(got, hangs)
				return s.movedOnceEnded("refused: nothing could start again")
			},
		},
		{
			name: "H10-required", hazard: "exactly-once source, the target has no support", stage: exact, from: "global", to: "basic",
			how: "exactly.once.support=required in the connector's config",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"exactly.once.support": "required"})
				return s.refused(s.ferry("move"), "basic refuses the config")
			},
		},
		{
			name: "H10-requested", hazard: "exactly-once source, the target has no support", stage: exact, from: "global", to: "basic",
			how: "the connector does not ask for it by name",
			run: func(s *scene) verdict {
				s.begin(nil)
				got := s.ferry("move")
				if got.code == 10 {
					return s.refused(got, "exactly")
				}
				if !strings.Contains(got.stderr+got.first().Message, "exactly") {
					s.Errorf("not a word about exactly-once: %s\n%s", got.first().Message, got.stderr)
				}
				return s.moved(got)
			},
		},
		{
			// The last of its stage: workers take long to get over it.
			name: "K-broker-earlier", hazard: "the Kafka broker killed and started again", stage: exact,
			how: "when an exactly-once origin is asked to pause, while records flow",
			run: func(s *scene) verdict {
				// Of a source that is not exactly-once, Connect sends again by itself what it
				// had not committed when the broker died: its worker drops the tasks.
				s.begin(nil)
				s.origin.through(lab.Nth(isPause, 1, lab.Before(s.bounceBroker)))
				got := s.ferry("move")
				if strings.Contains(got.first().Message, hangs) {
					return s.movedOnceEnded("not moved: the broker left a hanging transaction")
				}
				return s.oneSide(got)
			},
		},
	}
}

const hangs = "a hanging transaction keeps exactly-once tasks from starting"

// movedOnceEnded ends the transactions that hang, as ferry has told to, and moves.
func (s *scene) movedOnceEnded(outcome string) verdict {
	s.Helper()
	broker, err := kafka.Open(s.Context(), kafka.Config{Brokers: []string{s.origin.Kafka().Bootstrap()}})
	if err != nil {
		s.Fatal(err)
	}
	defer broker.Close()
	for _, topic := range []string{s.origin.OffsetsTopic(), s.target.OffsetsTopic(), s.topic} {
		hanging, ok := errors.AsType[*kafka.HangingError](broker.OffsetLog(topic).Hanging(s.Context()))
		if !ok {
			continue
		}
		for _, each := range hanging.Transactions {
			if err := s.origin.Kafka().Abort(s.Context(), topic, each.Partition, each.StartOffset); err != nil {
				s.Fatal(err)
			}
		}
	}
	s.awaitRunning(s.origin, s.connector)
	got := s.ferry("move")
	s.want(got, 0, event.Moved)
	return s.counted(outcome+"; moved once it was ended", got)
}

// sinkRows are about sinks, whose progress is that of a consumer group.
func sinkRows() []row {
	return []row{
		{
			name: "S-sink", hazard: "sink, the same Kafka", short: true,
			how: "moved and taken back under traffic; both share the group",
			run: func(s *scene) verdict {
				counted := s.beginSink()
				s.want(s.ferry("move"), 0, event.Moved)
				s.pass(2 * time.Second)
				got := s.ferry("rollback")
				s.want(got, 0, event.RolledBack)
				return counted("rolled back", got)
			},
		},
		{
			name: "S-sink-rename", hazard: "sink, under another name",
			how: "moved to a new name, so to a group of its own",
			run: func(s *scene) verdict {
				s.targetName = s.connector + "-new"
				counted := s.beginSink()
				got := s.ferry("move")
				s.want(got, 0, event.Moved)
				return counted("moved", got)
			},
		},
		{
			name: "S-sink-killed", hazard: "sink, ferry killed (SIGKILL), then run again",
			how: "after the stop of a move and of a rollback",
			run: func(s *scene) verdict {
				counted := s.beginSink()
				for _, verb := range []string{"move", "rollback"} {
					at := map[string]int{"move": 3, "rollback": 4}[verb]
					s.killedAt(verb, at, true)
					s.pass(time.Second)
				}
				return counted("moved, rolled back", answer{})
			},
		},
		{
			name: "S-sink-elsewhere", hazard: "sink, another Kafka", stage: wide, from: "global", to: "asia",
			how: "the target's workers belong to another Kafka cluster",
			run: func(s *scene) verdict {
				counted := s.beginSink()
				got := s.ferry("move")
				s.want(got, 10, event.Refused)
				s.says(got, "different Kafka clusters")
				s.runsOn(s.origin, s.connector)
				return counted("refused: offsets mean nothing there", answer{})
			},
		},
		{
			name: "S-sink-mirrored", hazard: "sink, another Kafka, MirrorMaker's checkpoints", stage: wide, from: "global", to: "asia",
			how: "moved and taken back under traffic; no more sent again than was said",
			run: func(s *scene) verdict {
				counted := s.beginSink()
				s.flush() // a group that has committed nothing gives the checkpoints connector nothing to do
				s.mirror()
				topics := []string{"--set", "topics=" + s.origin.Kafka().Name() + "." + s.topic}
				s.until("a checkpoint", func() bool {
					return strings.Contains(s.ferry("check", topics...).first().Message, "accept that with --at-least-once")
				})
				s.doubles = true
				moved := s.ferry("move", append(topics, "--at-least-once")...)
				s.want(moved, 0, event.Moved)
				s.pass(2 * time.Second)
				back := s.ferry("rollback")
				s.want(back, 0, event.RolledBack)
				found := counted("rolled back, at least once as said", back)
				there, here := moved.first().SentAgain, back.first().SentAgain
				if there == nil || here == nil || found.duplicated > *there+*here || found.lost > 0 {
					s.Errorf("%d lost, %d duplicated, said: %v and %v", found.lost, found.duplicated, there, here)
				}
				return found
			},
		},
	}
}

// mirror brings the row's topic to the Kafka of the target, with checkpoints.
func (s *scene) mirror() {
	s.Helper()
	from, to := s.origin.Kafka(), s.target.Kafka()
	for name, config := range map[string]map[string]string{
		s.connector + "-mirror": lab.MirrorSource(from, to, s.topic), s.connector + "-checkpoints": lab.MirrorCheckpoint(from, to, s.topic),
	} {
		s.Cleanup(func() { _ = s.target.Client().Delete(context.WithoutCancel(s.Context()), name) })
		if err := s.target.Run(s.Context(), name, config); err != nil {
			s.Fatal(err)
		}
	}
}

// beginSink runs a sink that writes what traffic sends to a file. What it returns
// ends the traffic and counts the file.
func (s *scene) beginSink() (counted func(outcome string, got answer) verdict) {
	s.Helper()
	return s.beginSinkWith(nil)
}

func (s *scene) beginSinkWith(settings map[string]string) (counted func(outcome string, got answer) verdict) {
	s.Helper()
	file := filepath.Join(s.TempDir(), "sink")
	bootstrap := s.origin.Kafka().Bootstrap()
	traffic, err := lab.StartTraffic(s.Context(), lab.TrafficSpec{Bootstrap: bootstrap, Topic: s.topic, Stream: "s", Rate: 100})
	if err != nil {
		s.Fatal(err)
	}
	s.beginAs(lab.With(lab.FileSink(s.topic, file), own, settings))
	return func(outcome string, got answer) verdict {
		s.Helper()
		last, err := traffic.Stop()
		if err != nil {
			s.Fatal(err)
		}
		found := verdict{outcome: outcome, counted: true}
		if proof := got.first().Proof; proof != nil {
			found.proof = string(proof.Kind)
		}
		seen := map[int64]int64{}
		s.until("the sink to write the last record", func() bool {
			seen = s.lines(file)
			return seen[last] > 0
		})
		s.end()
		seen = s.lines(file)
		for n := range last + 1 {
			if count := seen[n]; count == 0 {
				found.lost++
			} else {
				found.duplicated += count - 1
			}
		}
		if !s.doubles && (found.lost != 0 || found.duplicated != 0) {
			s.Errorf("%d lost, %d duplicated\n%s", found.lost, found.duplicated, got.stderr)
		}
		s.Logf("%d records in the sink's file", len(seen))
		return found
	}
}

// lines counts the numbers in a file, one a line.
func (s *scene) lines(file string) map[int64]int64 {
	s.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	seen := map[int64]int64{}
	for line := range strings.Lines(string(text)) {
		if number, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil && strings.HasSuffix(line, "\n") {
			seen[number]++
		}
	}
	return seen
}
