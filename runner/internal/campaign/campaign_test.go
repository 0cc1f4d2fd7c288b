package campaign_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const topic = "numbers"

// stage is an origin, global, and two targets, on one Kafka.
type stage struct {
	*testing.T
	kafka    *connecttest.Kafka
	clusters map[string]*connecttest.Cluster
	// sent counts the requests; at that of killAt, and after it, none arrives.
	sent, killAt atomic.Int64
	most         int // failures that close the gate
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, most: 1, kafka: connecttest.NewKafka(), clusters: map[string]*connecttest.Cluster{}}
	for _, name := range []string{"global", "europe", "asia"} {
		s.clusters[name] = connecttest.New(connecttest.WithKafka(s.kafka), connecttest.WithName(name))
		t.Cleanup(s.clusters[name].Close)
	}
	return s
}

type killed struct {
	*stage
	next http.RoundTripper
}

var errKilled = errors.New("killed")

func (k killed) RoundTrip(request *http.Request) (*http.Response, error) {
	if at := k.killAt.Load(); k.sent.Add(1) >= at && at > 0 {
		return nil, errKilled
	}
	return k.next.RoundTrip(request)
}

func (s *stage) dialed() map[string]*cluster.Cluster {
	s.Helper()
	dialed := map[string]*cluster.Cluster{}
	for name, of := range s.clusters {
		client, err := connect.New(connect.Options{Workers: of.URLs(), Transport: killed{s, of.Transport()}})
		if err != nil {
			s.Fatal(err)
		}
		dialed[name] = &cluster.Cluster{Name: name, Client: client, Kafka: cluster.Kafka{Status: cluster.Known[cluster.StatusTopic](of.StatusLog())}}
	}
	return dialed
}

// create creates sources, two tasks each, and lets them commit.
func (s *stage) create(names ...string) {
	s.Helper()
	for _, name := range names {
		config := connecttest.SourceConfig(topic, 2).With("stream.prefix", rawjson.String(name))
		if err := s.clusters["global"].Client().Create(s.Context(), name, config, connect.Running); err != nil {
			s.Fatal(err)
		}
	}
	s.settle(70 * time.Second)
}

func (s *stage) settle(d time.Duration) {
	s.Helper()
	if err := wait.For(context.WithoutCancel(s.Context()), d); err != nil {
		s.Fatal(err)
	}
}

// plan plans by rules: those of a name eu-N go to europe in wave N, those of as-N to asia.
func (s *stage) plan(more string) plan.Plan {
	s.Helper()
	text := "rules:\n"
	for wave := 1; wave <= 3; wave++ {
		for prefix, target := range map[string]string{"eu": "europe", "as": "asia"} {
			name := fmt.Sprintf("%s-%d*", prefix, wave)
			if s.any(name) {
				text += fmt.Sprintf("  - {name: %q, match: {glob: %q}, target: %s, wave: %d%s}\n", name, name, target, wave, more)
			}
		}
	}
	file := filepath.Join(s.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	decide, err := rules.Load(file)
	if err != nil {
		s.Fatal(err)
	}
	dialed := s.dialed()
	targets := maps.Clone(dialed)
	delete(targets, "global")
	made, err := plan.Planner{
		Origin: dialed["global"], Targets: targets, Rules: decide, Options: plan.Options{Proof: "auto", Copy: "auto"}, Concurrency: 8, Events: event.Discard{},
	}.Plan(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return made
}

func (s *stage) any(glob string) bool {
	s.Helper()
	names, err := s.clusters["global"].Client().Connectors(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for _, name := range names {
		if matched, _ := filepath.Match(glob, name); matched {
			return true
		}
	}
	return false
}

func (s *stage) campaign(made plan.Plan) campaign.Campaign {
	slots := campaign.NewSlots(4)
	mover := &move.Mover{Setup: &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}, BeforeWatch: slots.Release}
	return campaign.Campaign{
		Plan: made, Clusters: s.dialed(), Mover: mover, Mode: campaign.Move, Slots: slots,
		Events: event.Discard{}, Command: "ferry apply --plan p",
	}
}

// gate gives a campaign a new gate, as each command has its own.
func (s *stage) gate(c *campaign.Campaign) {
	s.Helper()
	mover, ok := c.Mover.(*move.Mover)
	if !ok {
		s.Fatal("the mover is another")
	}
	c.Gate = campaign.NewGate(c.Plan, s.most)
	mover.BeforeCut, mover.AtFailure = c.Gate.BeforeCut, c.Gate.AtFailure
}

// run runs a campaign and returns the outcomes by connector, and the message.
func (s *stage) run(ctx context.Context, c campaign.Campaign) (map[string]event.Outcome, string) {
	s.Helper()
	s.gate(&c)
	came, err := c.Run(ctx)
	if err != nil {
		s.Fatal(err)
	}
	outcomes := map[string]event.Outcome{}
	for _, result := range came.Connectors {
		outcomes[result.Connector] = result.Outcome
		if result.Wave == 0 || result.Message == "" {
			s.Errorf("%+v", result)
		}
	}
	return outcomes, came.Message
}

func (s *stage) want(got, want map[string]event.Outcome) {
	s.Helper()
	if !maps.Equal(got, want) {
		s.Errorf("%v, want %v", got, want)
	}
}

// exact checks that every connector runs once and nothing is lost or sent twice.
func (s *stage) exact() {
	s.Helper()
	s.settle(time.Minute)
	running := map[string]int{}
	for name, of := range s.clusters {
		found, err := of.Client().Inventory(context.WithoutCancel(s.Context()))
		if err != nil {
			s.Fatal(err)
		}
		for connector, listed := range found {
			if listed.Status.Connector.State == connect.Running && listed.Status.AllTasks(connect.Running) {
				running[connector]++
			} else if listed.Status.Connector.State == connect.Running {
				s.Errorf("%s on %s: %+v", connector, name, listed.Status)
			}
		}
	}
	for connector, times := range running {
		if times != 1 {
			s.Errorf("%s runs on %d clusters", connector, times)
		}
	}
	for _, of := range s.clusters {
		of.Commit()
	}
	if count := s.kafka.Count(topic); count.Missing != 0 || count.Duplicated != 0 || count.Records == 0 {
		s.Errorf("%d records, %d missing, %d duplicated", count.Records, count.Missing, count.Duplicated)
	}
}

// TestWaves moves three waves to two clusters.
func TestWaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1", "as-1", "eu-2a", "eu-2b", "as-3")
		c := s.campaign(s.plan(""))
		c.Mode = campaign.Rehearse
		got, message := s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1": event.Rehearsed, "as-1": event.Rehearsed, "eu-2a": event.Rehearsed, "eu-2b": event.Rehearsed, "as-3": event.Rehearsed})
		if !strings.HasSuffix(message, "next: `ferry apply --plan p`") || s.any("eu-9") || len(s.on("europe"))+len(s.on("asia")) > 0 {
			t.Errorf("%s; %v, %v", message, s.on("europe"), s.on("asia"))
		}
		c.Mode = campaign.Prepare
		c.Only = []string{"eu-2b", "as-3"}
		got, message = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-2b": event.Prepared, "as-3": event.Prepared})
		if !strings.HasSuffix(message, "next: `ferry apply --plan p --only eu-2b --only as-3` makes the cut") {
			t.Error(message)
		}
		c.Mode, c.Only = campaign.Move, nil
		got, message = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1": event.Moved, "as-1": event.Moved, "eu-2a": event.Moved, "eu-2b": event.Moved, "as-3": event.Moved})
		if want := "wave 1: 2 moved; wave 2: 2 moved; wave 3: 1 moved; next: `ferry diff --origin global --target asia` shows both clusters"; message != want {
			t.Error(message)
		}
		got, _ = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1": event.Unchanged, "as-1": event.Unchanged, "eu-2a": event.Unchanged, "eu-2b": event.Unchanged, "as-3": event.Unchanged})
		s.exact()
	})
}

func (s *stage) on(name string) []string {
	s.Helper()
	names, err := s.clusters[name].Client().Connectors(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return names
}

// TestGate has a connector fail that is rolled back, one that cannot be put back, and one that
// the checks of its wave refuse.
func TestGate(t *testing.T) {
	for name, test := range map[string]struct {
		most    int
		prepare func(*stage)
		want    map[string]event.Outcome
		says    string
		mend    func(*stage)
	}{
		"rolled back": {
			most: 1, prepare: func(s *stage) { s.clusters["europe"].FailStarts("eu-2", "no license") },
			want: map[string]event.Outcome{"eu-1": event.Moved, "eu-2": event.RolledBack, "eu-3": event.NotBegun},
			says: "which goes on; or take moved ones back", mend: func(s *stage) { s.clusters["europe"].FailStarts("eu-2", "") },
		},
		"two may fail": {
			most: 2, prepare: func(s *stage) { s.clusters["europe"].FailStarts("eu-2", "no license") },
			want: map[string]event.Outcome{"eu-1": event.Moved, "eu-2": event.RolledBack, "eu-3": event.Moved},
			says: "next: mend what failed", mend: func(s *stage) { s.clusters["europe"].FailStarts("eu-2", "") },
		},
		"not put back": {
			most: 9, prepare: func(s *stage) {
				s.clusters["europe"].FailStarts("eu-2", "no license")
				s.clusters["global"].FailStarts("eu-2", "no license either")
			},
			want: map[string]event.Outcome{"eu-1": event.Moved, "eu-2": event.Down, "eu-3": event.NotBegun},
			says: "which goes on; or take moved ones back",
		},
		"refused by a check": {
			most: 9, prepare: func(s *stage) {
				other := connecttest.SourceConfig("other", 1).With("name", rawjson.String("eu-2"))
				if err := s.clusters["europe"].Client().Create(s.Context(), "eu-2", other, connect.Stopped); err != nil {
					s.Fatal(err)
				}
				s.settle(time.Second)
			},
			want: map[string]event.Outcome{"eu-1": event.Moved, "eu-2": event.Refused, "eu-3": event.NotBegun},
			says: "wave 3: 1 not begun", mend: func(s *stage) {
				if err := s.clusters["europe"].Client().Delete(s.Context(), "eu-2"); err != nil {
					s.Fatal(err)
				}
				s.settle(time.Second)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.create("eu-1", "eu-2", "eu-3")
				c := s.campaign(s.plan(""))
				s.most = test.most
				test.prepare(s)
				got, message := s.run(t.Context(), c)
				s.want(got, test.want)
				if !strings.Contains(message, test.says) {
					t.Error(message)
				}
				if test.mend == nil {
					return
				}
				test.mend(s)
				s.most = 1
				s.run(t.Context(), c)
				got, _ = s.run(t.Context(), c)
				s.want(got, map[string]event.Outcome{"eu-1": event.Unchanged, "eu-2": event.Unchanged, "eu-3": event.Unchanged})
				s.exact()
			})
		})
	}
}

// TestBlackout begins a window while an earlier wave is moved.
func TestBlackout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1", "eu-2")
		from := time.Now().Add(10 * time.Minute).UTC().Format(time.RFC3339)
		made := s.plan(", blackout: [{from: '" + from + "', to: '2999-01-01T00:00:00Z', reason: freeze}]")
		c := s.campaign(made)
		c.Wave = 1
		got, message := s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1": event.Moved})
		if !strings.HasSuffix(message, "next: `ferry apply --plan p --wave 2`") {
			t.Error(message)
		}
		s.settle(10 * time.Minute)
		c.Wave = 2
		got, _ = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-2": event.Refused})
		c.Mode = campaign.Rehearse
		got, _ = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-2": event.Rehearsed})
		s.exact()
	})
}

// TestInterrupted ends the context in the middle.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1a", "eu-1b", "eu-1c", "eu-2")
		c := s.campaign(s.plan(""))
		c.Slots = campaign.NewSlots(1)
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(3*time.Second, func() { cancel(event.ErrInterrupted) })
		got, _ := s.run(ctx, c)
		if got["eu-2"] != event.Interrupted {
			t.Errorf("%v", got)
		}
		s.run(t.Context(), c)
		got, _ = s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1a": event.Unchanged, "eu-1b": event.Unchanged, "eu-1c": event.Unchanged, "eu-2": event.Unchanged})
		s.exact()
	})
}

// TestKilled kills ferry at many requests of a campaign; run again it goes on.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of moves in virtual time take a while")
	}
	var requests int64
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1", "as-1", "eu-2")
		c := s.campaign(s.plan(""))
		s.sent.Store(0)
		s.run(t.Context(), c)
		requests = s.sent.Load()
	})
	for at := int64(1); at < requests; at += 7 {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			s.create("eu-1", "as-1", "eu-2")
			c := s.campaign(s.plan(""))
			s.sent.Store(0)
			s.killAt.Store(at)
			// A killed run's requests do not arrive; what it does about that is nobody's concern.
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			s.gate(&c)
			_, _ = c.Run(ctx)
			cancel()
			s.killAt.Store(0)
			s.settle(time.Minute)
			s.run(t.Context(), c)
			got, _ := s.run(t.Context(), c)
			s.want(got, map[string]event.Outcome{"eu-1": event.Unchanged, "as-1": event.Unchanged, "eu-2": event.Unchanged})
			s.exact()
		})
		if t.Failed() {
			t.Fatalf("killed at request %d of %d", at, requests)
		}
	}
}

// TestGateInATurn has all connectors of a wave fail while the others wait for their turn. One
// more may have been stopped when the first is seen to fail.
func TestGateInATurn(t *testing.T) {
	for most := 1; most <= 2; most++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			names := []string{"eu-1a", "eu-1b", "eu-1c", "eu-1d", "eu-1e", "eu-1f"}
			s.create(names...)
			for _, name := range names {
				s.clusters["europe"].FailStarts(name, "no license")
			}
			s.most = most
			c := s.campaign(s.plan(""))
			c.Slots = campaign.NewSlots(8)
			got, message := s.run(t.Context(), c)
			counted := map[event.Outcome]int{}
			for _, outcome := range got {
				counted[outcome]++
			}
			if failed := counted[event.RolledBack]; failed < most || failed > most+1 || failed+counted[event.NotBegun] != len(names) {
				t.Errorf("at most %d: %v; %s", most, counted, message)
			}
			s.exact()
		})
	}
}

// TestBlackoutWithinAWave begins a window while connectors of the wave wait for their turn.
func TestBlackoutWithinAWave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1a", "eu-1b", "eu-1c", "eu-1d", "eu-1e")
		from := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
		made := s.plan(", blackout: [{from: '" + from + "', to: '2999-01-01T00:00:00Z'}]")
		for i := range made.Moves { // so that each takes its time
			if err := s.clusters["global"].Client().PatchConfig(t.Context(), made.Moves[i].Connector, rawjson.Object{}.With("poll.block.ms", rawjson.String("900"))); err != nil {
				t.Fatal(err)
			}
		}
		made = s.plan(", blackout: [{from: '" + from + "', to: '2999-01-01T00:00:00Z'}]")
		got, _ := s.run(t.Context(), s.campaign(made))
		counted := map[event.Outcome]int{}
		for _, outcome := range got {
			counted[outcome]++
		}
		if counted[event.Moved] == 0 || counted[event.NotBegun] == 0 || counted[event.Moved]+counted[event.NotBegun] != 5 {
			t.Errorf("%v", got)
		}
		s.exact()
	})
}

// TestHeld has people and other plans at work between a preparation and its cut.
func TestHeld(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*stage)
		want      event.Outcome
		says      string
		ends      connect.State // on global
	}{
		"nothing": {meanwhile: func(*stage) {}, want: event.Moved, ends: connect.Stopped},
		"stopped by somebody": {
			meanwhile: func(s *stage) { s.must(s.clusters["global"].Client().Stop(s.Context(), "eu-1")) },
			want:      event.Refused, says: "it was RUNNING when the plan was made, and is STOPPED", ends: connect.Stopped,
		},
		"reconfigured": {
			meanwhile: func(s *stage) {
				s.must(s.clusters["global"].Client().PatchConfig(s.Context(), "eu-1", rawjson.Object{}.With("rate", rawjson.String("7"))))
			},
			want: event.Refused, says: "the config of eu-1 on global has changed", ends: connect.Running,
		},
		"rolled back": {
			meanwhile: func(s *stage) {
				dialed := s.dialed()
				mover := &move.Mover{Setup: &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}}
				result := mover.Rollback(s.Context(), pair.Request{Origin: dialed["global"], Target: dialed["europe"], Connector: "eu-1"})
				if result.Outcome != event.PutBack || len(s.on("europe")) > 0 {
					s.Errorf("%+v, on europe %v", result, s.on("europe"))
				}
			},
			want: event.Moved, ends: connect.Stopped,
		},
		"moved by another plan": {
			meanwhile: func(s *stage) {
				dialed := s.dialed()
				mover := &move.Mover{Setup: &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}}
				result := mover.Move(s.Context(), pair.Request{Origin: dialed["global"], Target: dialed["asia"], Connector: "eu-1"})
				if result.Outcome != event.Moved {
					s.Errorf("%+v", result)
				}
			},
			want: event.Refused, says: "moved it by another plan", ends: connect.Stopped,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.create("eu-1")
				c := s.campaign(s.plan(""))
				c.Mode = campaign.Prepare
				got, _ := s.run(t.Context(), c)
				s.want(got, map[string]event.Outcome{"eu-1": event.Prepared})
				test.meanwhile(s)
				s.settle(time.Minute)
				c.Mode = campaign.Move
				s.gate(&c)
				came, err := c.Run(t.Context())
				var says string
				if err != nil {
					says = err.Error()
				} else {
					says = came.Connectors[0].Message
				}
				if got := s.state("global", "eu-1"); !strings.Contains(says, test.says) || err == nil && came.Connectors[0].Outcome != test.want || got != test.ends {
					t.Errorf("%v %+v, %s on global", err, came.Connectors, got)
				}
				s.exact()
			})
		})
	}
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) state(on, connector string) connect.State {
	s.Helper()
	status, err := s.clusters[on].Client().Status(context.WithoutCancel(s.Context()), connector)
	s.must(err)
	return status.Connector.State
}

// TestRehearsalTouchesNothingElse rehearses a plan that replaces a stopped connector, and one of
// a connector that a killed run left at rest on both sides.
func TestRehearsalTouchesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1", "eu-2")
		europe := s.clusters["europe"].Client()
		mine := connecttest.SourceConfig(topic, 1).With("name", rawjson.String("eu-1")).With("rate", rawjson.String("1"))
		s.must(europe.Create(t.Context(), "eu-1", mine, connect.Stopped))
		s.settle(time.Second)
		made := s.plan("")
		for i := range made.Moves { // as with --overwrite
			made.Moves[i].Go, made.Moves[i].Reasons = true, nil
		}
		made.Options.Overwrite = true
		c := s.campaign(made)
		c.Mode = campaign.Rehearse
		got, _ := s.run(t.Context(), c)
		s.want(got, map[string]event.Outcome{"eu-1": event.Rehearsed, "eu-2": event.Rehearsed})
		now, err := europe.Config(t.Context(), "eu-1")
		s.must(err)
		if now.Text("rate") != "1" || now.Text("ferry.offsets") != "" || len(s.on("europe")) != 1 {
			t.Errorf("%s, on europe %v", now, s.on("europe"))
		}
		// As if killed between the stop and the start.
		s.must(europe.Create(t.Context(), "eu-2", connecttest.SourceConfig(topic, 2).With("stream.prefix", rawjson.String("eu-2")), connect.Stopped))
		s.must(s.clusters["global"].Client().Stop(t.Context(), "eu-2"))
		s.settle(time.Second)
		c.Only = []string{"eu-2"}
		for _, mode := range []campaign.Mode{campaign.Rehearse, campaign.Prepare} {
			c.Mode = mode
			got, _ = s.run(t.Context(), c)
			s.want(got, map[string]event.Outcome{"eu-2": event.Down})
		}
	})
}

// TestKilledBeforeTheCut kills a rehearsal and a preparation at every third request. Rehearsed
// again nothing is left on the targets; prepared again the cut can be made.
func TestKilledBeforeTheCut(t *testing.T) {
	if testing.Short() {
		t.Skip("many moves in virtual time take a while")
	}
	for _, mode := range []campaign.Mode{campaign.Rehearse, campaign.Prepare} {
		for at, done := int64(1), false; !done; at += 3 {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.create("eu-1", "as-2")
				c := s.campaign(s.plan(""))
				c.Mode = mode
				s.sent.Store(0)
				s.killAt.Store(at)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				s.gate(&c)
				_, _ = c.Run(ctx)
				cancel()
				done = s.sent.Load() < at
				s.killAt.Store(0)
				s.settle(time.Minute)
				got, _ := s.run(t.Context(), c)
				if mode == campaign.Rehearse {
					s.want(got, map[string]event.Outcome{"eu-1": event.Rehearsed, "as-2": event.Rehearsed})
					if left := len(s.on("europe")) + len(s.on("asia")); left > 0 {
						t.Errorf("%d copies are left", left)
					}
				} else {
					s.want(got, map[string]event.Outcome{"eu-1": event.Prepared, "as-2": event.Prepared})
				}
				c.Mode = campaign.Move
				got, _ = s.run(t.Context(), c)
				s.want(got, map[string]event.Outcome{"eu-1": event.Moved, "as-2": event.Moved})
				s.exact()
			})
			if t.Failed() {
				t.Fatalf("%s, killed at request %d", mode, at)
			}
		}
	}
}
