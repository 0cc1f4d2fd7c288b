package hazard

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// own are converters that a connector names itself, so that a worker's defaults
// do not matter.
var own = map[string]string{
	"key.converter":   "org.apache.kafka.connect.storage.StringConverter",
	"value.converter": "org.apache.kafka.connect.storage.StringConverter",
}

// environmentRows are about clusters that differ, sources, names, waves and secrets.
func environmentRows() []row {
	return []row{
		{
			name: "H3-ignored", hazard: "the copy does not use the offset it was given", stage: wide, from: "global", to: "bavaria",
			how: "a setting makes the copy's tasks begin at 0; its worker commits twice a second",
			run: func(s *scene) verdict {
				s.begin(own)
				s.flows(1500)
				return s.ignored()
			},
		},
		{
			name: "H11-converters", hazard: "the target's workers have other converters", stage: wide, from: "global", to: "bavaria",
			how: "JsonConverter is their default, the connector names its own",
			run: func(s *scene) verdict {
				s.begin(own)
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H11-default-converters", hazard: "the target's workers have other converters", stage: wide, from: "global", to: "bavaria",
			how: "JsonConverter is their default, the connector names none; what REST tells of a worker is not its defaults",
			run: func(s *scene) verdict {
				s.begin(nil)
				got := s.ferry("check")
				if got.code == 0 && !strings.Contains(got.stderr, "key.converter") {
					s.Errorf("check says neither no nor a word about converters: %s\n%s", got.first().Message, got.stderr)
				}
				s.Logf("exit code %d: %s", got.code, got.first().Message)
				return s.counted("told by check, exit code "+strconv.Itoa(got.code), answer{})
			},
		},
		{
			name: "H12-shared-topic", hazard: "both sides keep the offsets in one topic", stage: plain,
			how: "the connector has an offsets.storage.topic of its own; moved",
			run: func(s *scene) verdict {
				s.shareOffsets(nil)
				s.flows(100)
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H12-shared-put-back", hazard: "both sides keep the offsets in one topic", stage: plain,
			how: "offsets.storage.topic, an idle source; a move is put back as its stop fails, then the origin restarted",
			run: func(s *scene) verdict {
				s.shareOffsets(map[string]string{"max.records": "300"})
				s.origin.through(lab.Nth(isStop, 1, lab.AnswerWith(500, "not now")))
				got := s.ferry("move")
				s.runsOn(s.origin, s.connector)
				s.stop(s.origin, s.connector)
				s.resume(s.origin, s.connector)
				s.restsOn(s.target, s.targetName)
				if got.code == 0 {
					s.Errorf("moved: %s", got.first().Message)
				}
				s.pass(3 * time.Second) // in which an origin without its offsets would begin anew
				return s.countedNow("put back", answer{})
			},
		},
		{
			name: "H14-retention", hazard: "the source removes records while it stands still", stage: wide, from: "global", to: "bavaria",
			how: "MirrorSource from a topic that keeps 45 s; the target dies between stop and PATCH",
			run: (*scene).retention,
		},
		{
			name: "H15-queue", hazard: "the source system holds the acknowledgements",
			how: "a source that deletes each message when its record is acknowledged",
			run: func(s *scene) verdict {
				folder := s.TempDir()
				for n := range 4000 {
					if err := os.WriteFile(filepath.Join(folder, strconv.Itoa(n)), nil, 0o644); err != nil {
						s.Fatal(err)
					}
				}
				s.beginAs(lab.QueueSource(folder, s.topic))
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(100)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "H16-other-kafka", hazard: "the target writes to another Kafka", stage: wide, from: "global", to: "asia",
			how: "the target's workers belong to another Kafka cluster",
			run: func(s *scene) verdict {
				s.begin(nil)
				got := s.ferry("move")
				if got.code == 0 {
					s.Errorf("moved to another Kafka without a word: %s\n%s", got.first().Message, got.stderr)
					return verdict{outcome: "moved, the stream is split"}
				}
				return s.refused(got, "Kafka")
			},
		},
		{
			name: "H18-wave", hazard: "many connectors at once",
			how: "12 connectors with 2 tasks each by one command, beside one that stays",
			run: (*scene).wave,
		},
		{
			name: "H19-mixed-target", hazard: "a cluster in the middle of an upgrade", stage: old, from: "global", to: "mixed", versions: "4.3.1 > 4.3.1+3.6.2",
			how: "the target's workers are of two versions",
			run: func(s *scene) verdict {
				s.begin(nil)
				return s.refused(s.ferry("move"), "mixes versions")
			},
		},
		{
			name: "H19-mixed-origin", hazard: "a cluster in the middle of an upgrade", stage: old, from: "mixed", to: "global", versions: "4.3.1+3.6.2 > 4.3.1",
			how: "the origin's workers are of two versions",
			run: func(s *scene) verdict {
				s.begin(nil)
				return s.refused(s.ferry("move"), "mixes versions")
			},
		},
		{
			name: "H20-name", hazard: "a name that no URL has as it is",
			how: "press line 3: ü ✓ ?#&+",
			run: func(s *scene) verdict {
				s.connector, s.targetName = "press line 3: ü ✓ ?#&+", "press line 3: ü ✓ ?#&+"
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(50)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "H20-slash", hazard: "a name that Connect 4 answers nothing about",
			how: "press/3",
			run: (*scene).slash,
		},
		{
			name: "H23-secrets", hazard: "secrets of the config in what is printed", short: true,
			how: "a planted secret looked for in all output of six commands, one of which fails over it, and of every other row",
			run: (*scene).secrets,
		},
	}
}

// ignored moves to a copy that begins at the start again. What it sends before
// that is noticed cannot be taken back; it must be noticed, and the origin must go
// on from its own offsets and not from those that the copy committed.
func (s *scene) ignored() verdict {
	s.Helper()
	s.doubles = true
	got := s.ferry("move", "--set", "offset.ignored=true")
	s.want(got, 12, event.RolledBack)
	s.byHand = true // the copy's offsets are not to be carried back
	s.wentTo = true
	s.runsOn(s.origin, s.connector)
	s.flows(200)
	found := s.counted("noticed, and back on the origin", got)
	tally, err := lab.Count(s.Context(), s.origin.Kafka().Bootstrap(), s.topic)
	if err != nil {
		s.Fatal(err)
	}
	if most := tally.Records() / 3; found.duplicated > most || found.lost != 0 {
		s.Errorf("%d duplicated of %d, %d lost", found.duplicated, tally.Records(), found.lost)
	}
	return found
}

// shareOffsets begins with a connector that keeps its offsets in a topic of its
// own, which is the same one for the copy.
func (s *scene) shareOffsets(settings map[string]string) {
	s.Helper()
	s.offsets = s.topic + "-offsets"
	s.begin(lab.With(map[string]string{"offsets.storage.topic": s.offsets}, settings))
	if settings != nil {
		s.until("the source to have sent all", func() bool {
			tally, err := lab.Count(s.Context(), s.origin.Kafka().Bootstrap(), s.topic)
			return err == nil && tally.Records() == 600
		})
	}
	s.flush()
}

// retention mirrors a topic that loses its old records, and brings the target
// down in the middle.
func (s *scene) retention() verdict {
	s.Helper()
	far, name := s.lab.Kafka("far"), s.topic
	client, err := kgo.NewClient(kgo.SeedBrokers(far.Bootstrap()))
	if err != nil {
		s.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	text := func(value string) *string { return &value }
	if _, err := admin.CreateTopic(s.Context(), 1, 1, map[string]*string{"retention.ms": text("45000"), "segment.ms": text("1000")}, name); err != nil {
		s.Fatal(err)
	}
	traffic, err := lab.StartTraffic(s.Context(), lab.TrafficSpec{Bootstrap: far.Bootstrap(), Topic: name, Stream: "s", Rate: 100})
	if err != nil {
		s.Fatal(err)
	}
	s.topic = far.Name() + "." + name
	s.beginAs(lab.With(lab.MirrorSource(far, s.origin.Kafka(), name), map[string]string{"tasks.max": "1"}))
	s.flows(1000)
	s.origin.through(lab.Nth(isStop, 1, lab.After(func() {
		for i := range *workers {
			s.killWorker(s.target, i)
		}
	})))
	got := s.ferry("move")
	s.want(got, 1, event.Failed)
	s.runsOn(s.origin, s.connector)
	for i := range *workers {
		s.startWorker(s.target, i)
	}
	s.flows(2000)
	last, err := traffic.Stop()
	if err != nil {
		s.Fatal(err)
	}
	if err := lab.AwaitSequence(s.Context(), s.origin.Kafka().Bootstrap(), s.topic, "s", last, patience); err != nil {
		s.Error(err)
	}
	starts, err := admin.ListStartOffsets(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	if first, _ := starts.Lookup(name, 0); first.Offset == 0 {
		s.Error("the source has removed nothing, so this shows nothing")
	}
	return s.countedNow("put back in time", answer{})
}

// wave moves twelve connectors beside one that has nothing to do with it.
func (s *scene) wave() verdict {
	s.Helper()
	bystander := s.topic + "-stays"
	if err := s.origin.Run(s.Context(), bystander, lab.NumberedSource(bystander, 2, 50)); err != nil {
		s.Fatal(err)
	}
	arguments := []string{"move", "--origin", s.origin.Name(), "--target", s.target.Name()}
	var names []string
	s.created = time.Now()
	for i := range 12 {
		name := fmt.Sprintf("%s-%d", s.topic, i)
		names = append(names, name)
		if err := s.origin.Run(s.Context(), name, lab.With(lab.NumberedSource(name, 2, 20), map[string]string{"secret": s.secret})); err != nil {
			s.Fatal(err)
		}
		arguments = append(arguments, "--connector", name)
	}
	s.flowsIn(names[11], 50)
	s.begun = time.Now()
	got := s.launchAs(arguments...).wait()
	if got.code != 0 {
		s.Fatalf("exit code %d: %s\n%s", got.code, got.result.Message, got.stderr)
	}
	for _, name := range names {
		s.flowsIn(name, 20)
	}
	s.flowsIn(bystander, 20)
	sum := verdict{outcome: "12 moved", counted: true, proof: string(got.first().Proof.Kind)}
	s.ended = time.Now()
	for _, name := range append(names, bystander) {
		s.connector, s.targetName = name, name
		for _, side := range []*side{s.origin, s.target} {
			if s.state(side, name) != "" {
				s.stop(side, name)
			}
		}
		lost, duplicated := s.count(name)
		sum.lost += lost
		sum.duplicated += duplicated
		each := verdict{}
		s.always(&each)
		if name != bystander {
			s.longest = max(s.longest, standstill(s.moments(), s.begun, s.ended))
		}
	}
	if sum.lost != 0 || sum.duplicated != 0 {
		s.Errorf("%d lost, %d duplicated", sum.lost, sum.duplicated)
	}
	return sum
}

// slash runs a connector about which no worker of Kafka 4 answers a request.
func (s *scene) slash() verdict {
	s.Helper()
	s.connector, s.targetName = "press/3", "press/3"
	config := s.numbered(map[string]string{"rate": "20", "secret": s.secret})
	object := rawjson.Object{}
	for key, value := range config {
		object = object.With(key, rawjson.String(value))
	}
	if err := s.origin.Client().Create(s.Context(), s.connector, object, connect.Running); err != nil {
		s.Fatal(err)
	}
	runs := s.slashRuns()
	s.begun = time.Now()
	got := s.ferry("move")
	s.want(got, 10, event.Refused)
	s.says(got, "re-created under another name")
	found := verdict{outcome: "refused: only under another name", counted: runs}
	if runs {
		s.flows(50)
		found.lost, found.duplicated = s.count(s.topic)
	}
	s.ended = time.Now()
	for _, moment := range s.moments() {
		if moment.at.After(s.begun) {
			s.Errorf("the origin was touched: %s", moment)
		}
	}
	return found
}

// slashRuns waits until the connector runs. A follower that is given one cannot
// tell the leader of its tasks, since that is a request with the name in its path
// too: then it has none, however long one waits.
func (s *scene) slashRuns() bool {
	s.Helper()
	if *workers == 1 {
		s.flows(50)
		return true
	}
	return s.flowsWithin(30*time.Second, s.topic, 50) == nil
}

// secrets runs commands in every form of output.
func (s *scene) secrets() verdict {
	s.Helper()
	s.begin(nil)
	plain := func(verb, output string, more ...string) {
		p := s.launchPlain(output, append([]string{verb, "--origin", s.origin.Name(), "--target", s.target.Name(), "--connector", s.connector}, more...)...)
		<-p.done
		s.keep(p)
		if p.stdout.Len()+p.stderr.Len() == 0 {
			s.Errorf("%s --output %s said nothing", verb, output)
		}
	}
	// A target that quotes the refused value, which is the secret, in its answer.
	plain("check", "text", "--set", "refuse.value="+s.secret)
	plain("check", "kestra", "--set", "refuse.value="+s.secret)
	plain("check", "json")
	plain("move", "kestra")
	plain("status", "text")
	s.flows(20)
	return s.rolledBack(s.ferry("rollback"), 0)
}
