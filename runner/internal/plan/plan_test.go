package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// stage is an origin, global, and two targets, all on one Kafka.
type stage struct {
	testing.TB
	clusters map[string]*connecttest.Cluster
}

func newStage(t testing.TB, options ...connecttest.Option) *stage {
	s := &stage{t, map[string]*connecttest.Cluster{}}
	kafka := connecttest.NewKafka()
	for _, name := range []string{"global", "europe", "asia"} {
		s.clusters[name] = connecttest.New(append([]connecttest.Option{connecttest.WithKafka(kafka), connecttest.WithName(name)}, options...)...)
		t.Cleanup(s.clusters[name].Close)
	}
	return s
}

func (s *stage) dialed() map[string]*cluster.Cluster {
	dialed := map[string]*cluster.Cluster{}
	for name, of := range s.clusters {
		dialed[name] = &cluster.Cluster{Name: name, Client: of.Client()}
	}
	return dialed
}

func (s *stage) create(name string, config rawjson.Object, state connect.State) {
	s.Helper()
	if err := s.clusters["global"].Client().Create(s.Context(), name, config, state); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) settle(d time.Duration) {
	if err := wait.For(s.Context(), d); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) rules(text string) rules.Rules {
	s.Helper()
	file := filepath.Join(s.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	read, err := rules.Load(file)
	if err != nil {
		s.Fatal(err)
	}
	return read
}

func (s *stage) planner(text string) plan.Planner {
	s.Helper()
	decide, dialed := s.rules(text), s.dialed()
	targets := map[string]*cluster.Cluster{}
	for _, name := range decide.Targets() {
		targets[name] = dialed[name]
	}
	return plan.Planner{
		Origin: dialed["global"], Targets: targets, Rules: decide, Options: plan.Options{Proof: "auto", Copy: "auto"},
		Concurrency: 32, Events: event.Discard{}, Mask: &secret.Mask{},
	}
}

func (s *stage) plan(text string) plan.Plan {
	s.Helper()
	made, err := s.planner(text).Plan(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if err := schemas.Check(schemas.Plan, made.Encode()); err != nil {
		s.Fatal(err)
	}
	return made
}

func source(topic string, tasks int) rawjson.Object { return connecttest.SourceConfig(topic, tasks) }

const twoRegions = `
waves: {max_tasks: 4, canary: 1}
rules:
  - {name: europe, match: {glob: eu-*}, target: europe, wave: 2, replace: [{setting: topic, pattern: ^global, with: eu}]}
  - {name: asia, match: {glob: as-*}, target: asia, set: {rate: "7"}, rename: {pattern: ^as-, with: ""}}
  - {name: rest, match: {not: {glob: [eu-*, as-*]}}, target: stay}
`

// TestPlan holds what a plan says of each connector, and its waves.
func TestPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-big", source("global.a", 3), connect.Running)
		s.create("eu-small", source("global.b", 1), connect.Running)
		s.create("as-one", source("global.c", 2), connect.Running)
		s.create("as-secret", source("global.d", 2).With("db.password", rawjson.String("planted")), connect.Stopped)
		s.create("legacy", source("global.e", 1), connect.Running)
		s.settle(70 * time.Second)
		made := s.plan(twoRegions)
		type wave struct {
			canary     bool
			tasks      int
			connectors string
		}
		var waves []wave
		for _, one := range made.Waves {
			waves = append(waves, wave{one.Canary, one.Tasks, strings.Join(one.Connectors, " ")})
		}
		// Of each target the smallest first; as-secret has no task and counts as one.
		if want := []wave{{true, 2, "as-secret eu-small"}, {false, 2, "as-one"}, {false, 3, "eu-big"}}; !slices.Equal(waves, want) {
			t.Errorf("waves %+v, want %+v", waves, want)
		}
		moves := map[string]plan.Move{}
		for _, move := range made.Moves {
			moves[move.Connector] = move
		}
		big, hidden := moves["eu-big"], moves["as-secret"]
		if !big.Go || big.Target != "europe" || big.TargetConnector != "eu-big" || big.Wave != 3 || big.Entries != 3 || big.Copy != "rest" || big.Proof != event.Timed ||
			*big.ExpectedDowntimeMS < 2000 || big.Stands != "not_begun" || big.OriginPlugin == "" || big.OriginPlugin != big.TargetPlugin {
			t.Errorf("%+v", big)
		}
		if want := []event.SettingDifference{{Setting: "topic", Origin: "global.a", Target: "eu.a"}}; !slices.Equal(big.ConfigDifference, want) {
			t.Errorf("differs in %v", big.ConfigDifference)
		}
		if hidden.TargetConnector != "secret" || hidden.ExpectedDowntimeMS != nil || len(made.Stay) != 1 || made.Stay[0].Connector != "legacy" {
			t.Errorf("%+v, stay %+v", hidden, made.Stay)
		}
		if strings.Contains(string(made.Encode()), "planted") {
			t.Error("the plan holds a secret")
		}
		for name, of := range s.clusters {
			if name != "global" && len(inventory(t, of)) != 0 {
				t.Errorf("something was created on %s", name)
			}
		}
	})
}

func inventory(t *testing.T, of *connecttest.Cluster) map[string]connect.Listed {
	t.Helper()
	found, err := of.Client().Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEveryReason has several things speak against one move.
func TestEveryReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-linked", source("a", 1).With("key.order", rawjson.String("linked")), connect.Running)
		s.settle(70 * time.Second)
		if err := s.clusters["europe"].Client().Create(t.Context(), "eu-linked", source("b", 1).With("key.order", rawjson.String("linked")), connect.Stopped); err != nil {
			t.Fatal(err)
		}
		// Its copy has no status yet, so the expanded list leaves it out.
		made := s.plan("rules: [{name: europe, match: {}, target: europe, set: {rate: nonsense}}]")
		move := made.Moves[0]
		all := strings.Join(move.Reasons, "\n")
		for _, want := range []string{"rate: Invalid value", "is taken on europe", "offsets cannot travel by REST"} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not among the reasons: %s", want, all)
			}
		}
		if move.Go || made.Refused() != 1 {
			t.Errorf("%+v", move)
		}
	})
}

// TestLoad holds that only a plan that nobody edited is taken.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-one", source("a", 1), connect.Running)
		s.settle(time.Second)
		made := s.plan("rules: [{name: europe, match: {}, target: europe, blackout: [{from: '2026-12-24T00:00:00+01:00', to: '2026-12-27T00:00:00Z'}]}]")
		file := filepath.Join(t.TempDir(), "plan.json")
		load := func(content string) (plan.Plan, error) {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return plan.Load(file)
		}
		text := string(made.Encode())
		if again, err := load(text); err != nil || again.Hash != made.Hash || string(again.Encode()) != text {
			t.Errorf("%v, %+v", err, again)
		}
		var compact map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &compact); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct{ old, now, says string }{
			"edited":          {`"europe"`, `"asia"`, "was edited since it was made"},
			"no go made a go": {`"go": true`, `"go": false`, "was edited"},
			"another version": {plan.SchemaID, "connect-ferry/plan/2", `this ferry takes "connect-ferry/plan/1"`},
			"another kind":    {plan.SchemaID, "connect-ferry/result/1", "make the plan anew"},
			"unknown key":     {`"stay":`, `"stays": [], "stay":`, "stays"},
			"no plan":         {text, `{}`, "missing schema"},
			"no JSON":         {text, `][`, ""},
		} {
			edited := strings.Replace(text, test.old, test.now, 1)
			if _, err := load(edited); err == nil || !strings.Contains(err.Error(), test.says) || edited == text {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestInconsistent loads plans that another program has put together, with their hash.
func TestInconsistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-1", source("a", 1), connect.Running)
		s.create("as-1", source("b", 1), connect.Running)
		s.settle(time.Second)
		const text = "rules: [{name: eu, match: {glob: eu-*}, target: europe}, {name: as, match: {glob: as-*}, target: asia, wave: 2}]"
		for says, edit := range map[string]func(*plan.Plan){
			"":                                  func(*plan.Plan) {},
			"eu-1 does not stand in its wave":   func(p *plan.Plan) { p.Moves[1].Wave = 2 },
			"as-1 stands in it twice":           func(p *plan.Plan) { p.Moves = append(p.Moves, p.Moves[0]) },
			"ghost stands in a wave and is not": func(p *plan.Plan) { p.Waves[0].Connectors = append(p.Waves[0].Connectors, "ghost") },
			"as-1 does not stand in its wave":   func(p *plan.Plan) { p.Waves = p.Waves[:1] },
			"eu-1 goes to global, which is no":  func(p *plan.Plan) { p.Moves[1].Target = "global" },
			"eu-1 goes to nowhere, which is no": func(p *plan.Plan) { p.Moves[1].Target = "nowhere" },
			"eu-1 stands in it twice":           func(p *plan.Plan) { p.Stay = append(p.Stay, plan.Stay{Connector: "eu-1", Rule: "x"}) },
			"two connectors would be eu-1 on":   func(p *plan.Plan) { p.Moves[0].Target, p.Moves[0].TargetConnector = "europe", "eu-1" },
			"is a go with reasons against it":   func(p *plan.Plan) { p.Moves[0].Go = false },
			"wave 2 stands in place 1":          func(p *plan.Plan) { slices.Reverse(p.Waves) },
			"eu-1 stands in two waves":          func(p *plan.Plan) { p.Waves[1].Connectors = append(p.Waves[1].Connectors, "eu-1") },
		} {
			made := s.plan(text)
			edit(&made)
			file := filepath.Join(t.TempDir(), "plan.json")
			if err := os.WriteFile(file, made.Rehashed().Encode(), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := plan.Load(file)
			if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
				t.Errorf("%q: %v", says, err)
			}
		}
	})
}

// TestRenamedIntoAnothersGroup renames a sink to the name of one that stays.
func TestRenamedIntoAnothersGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("a", connecttest.SinkConfig("in-a", "out-a"), connect.Running)
		s.create("b", connecttest.SinkConfig("in-b", "out-b"), connect.Stopped)
		s.settle(70 * time.Second)
		made := s.plan("rules: [{name: a, match: {name: a}, target: europe, rename: {pattern: '^a$', with: b}}, {name: b, match: {name: b}, target: stay}]")
		if reasons := strings.Join(made.Moves[0].Reasons, "\n"); made.Moves[0].Go || !strings.Contains(reasons, "it would use the consumer group connect-b, which the sink b on global has") {
			t.Errorf("%s", reasons)
		}
	})
}

// TestSecretsOfWorkers has a task fail with a trace that quotes a password.
func TestSecretsOfWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.clusters["global"].FailStarts("eu-1", "login with planted-password refused")
		s.create("eu-1", source("a", 1).With("db.password", rawjson.String("planted-password")), connect.Running)
		s.settle(time.Second)
		made := s.plan("rules: [{name: eu, match: {}, target: europe}]")
		if text := string(made.Encode()); strings.Contains(text, "planted-password") || !strings.Contains(text, "login with *** refused") {
			t.Error(text)
		}
	})
}

// TestVerify changes the clusters after the plan was made.
func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.create("eu-one", source("a", 1), connect.Running)
		s.create("eu-two", source("b", 1), connect.Running)
		s.settle(70 * time.Second)
		made := s.plan("rules: [{name: europe, match: {}, target: europe}]")
		verify := func(clusters map[string]*cluster.Cluster) (unplanned []string, differences string) {
			requests, unplanned, err := made.Verify(t.Context(), clusters, made.Moves)
			var outdated *plan.OutdatedError
			if errors.As(err, &outdated) {
				return nil, strings.Join(outdated.Differences, "\n")
			}
			if err != nil || len(requests) != 2 || requests[0].Connector != "eu-one" || requests[0].Target.Name != "europe" {
				t.Fatalf("%v, %+v", err, requests)
			}
			return unplanned, ""
		}
		s.create("new", source("c", 1), connect.Running)
		s.settle(time.Second)
		if unplanned, differences := verify(s.dialed()); differences != "" || !slices.Equal(unplanned, []string{"new"}) {
			t.Errorf("%s, unplanned %q", differences, unplanned)
		}
		// A state that changes is no difference: it is for the checks of the move.
		if err := s.clusters["global"].Client().Pause(t.Context(), "eu-one"); err != nil {
			t.Fatal(err)
		}
		if _, differences := verify(s.dialed()); differences != "" {
			t.Error(differences)
		}
		if err := s.clusters["global"].Client().PutConfig(t.Context(), "eu-one", source("z", 1).With("name", rawjson.String("eu-one"))); err != nil {
			t.Fatal(err)
		}
		if err := s.clusters["global"].Client().Delete(t.Context(), "eu-two"); err != nil {
			t.Fatal(err)
		}
		upgraded := connecttest.New(connecttest.WithName("newer"), connecttest.WithVersion("4.2.0"),
			connecttest.WithPlugins(connecttest.Plugin{Plugin: connect.Plugin{Class: "com.example.Other", Type: "source", Version: "1"}}))
		t.Cleanup(upgraded.Close)
		clusters := s.dialed()
		clusters["europe"].Client = upgraded.Client()
		s.settle(time.Second)
		_, differences := verify(clusters)
		for _, want := range []string{
			"europe has version 4.2.0, and had 4.3.1", "europe is on the Kafka cluster ", "europe lacks the plugin ",
			"the config of eu-one on global has changed", "eu-two is not on global any more",
		} {
			if !strings.Contains(differences, want) {
				t.Errorf("%q is not among the differences:\n%s", want, differences)
			}
		}
	})
}

// BenchmarkPlan plans clusters of 50 to 5,000 connectors. Compare the time for each: it should
// not grow.
func BenchmarkPlan(b *testing.B) {
	for _, count := range []int{50, 500, 5000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			s := newStage(b)
			configs := map[string]rawjson.Object{}
			for i := range count {
				configs[fmt.Sprintf("eu-%04d", i)] = source(fmt.Sprintf("topic-%d", i), 2)
			}
			s.clusters["global"].CreateAll(configs, connect.Paused)
			err := wait.Until(b.Context(), "the tasks", time.Minute, func(ctx context.Context) (bool, string, error) {
				found, err := s.clusters["global"].Client().Inventory(ctx)
				for name, listed := range found {
					if len(listed.Status.Tasks) != 2 && listed.Status.Connector.State != connect.Paused {
						return false, name, nil
					}
				}
				return len(found) == count, "", err
			})
			if err != nil {
				b.Fatal(err)
			}
			planner := s.planner("waves: {max_tasks: 100, canary: 1}\nrules: [{name: europe, match: {regex: 'eu-[0-9]+', config: {topic: 'topic-.*'}}, target: europe}]")
			for b.Loop() {
				made, err := planner.Plan(b.Context())
				if err != nil || len(made.Moves) != count || made.Refused() > 0 {
					b.Fatal(err, made.Refused())
				}
				made.Encode()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(count), "µs/connector")
		})
	}
}
