package kestratest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// story is a cluster that becomes three, on real clusters and through Kestra.
type story struct {
	*Engine
	clusters *lab.Lab
	kafka    string
	prefix   string // of what belongs to this engine's story, since all share the clusters
	folder   string
	traffic  *lab.Traffic
}

// archive is the sink whose copy cannot start until asia has the folder that the rules name.
const archive = "as-quality-archive"

// sources are the others, with their tasks.
var sources = map[string]int{"as-meters": 1, "as-press": 2, "am-machines": 2, "eu-invoices": 1, "eu-orders": 2, "resident": 1}

// oneIntoThree carries out the rules of the demo: canaries go first, a wave has one copy that
// cannot start, and is rolled back as a whole. The same plan, approved again, goes on; the wave
// fails again, is mended at the gate, and the rest follows. Every record is counted.
func oneIntoThree(ctx context.Context, t *testing.T, clusters *lab.Lab, engine *Engine, version string) {
	s := &story{
		Engine: engine, clusters: clusters, kafka: clusters.Kafka("central").Bootstrap(), folder: t.TempDir(),
		prefix: "v" + strings.ReplaceAll(version, ".", "-") + "-",
	}
	s.begin(ctx, t)
	x, err := engine.Run(ctx, "plan-cluster", map[string]any{"origin": "global", "rules": s.rules(t)})
	must(t, err)
	wantState(t, x, "SUCCESS")
	planned := campaignOf(t, x)

	run := s.approved(ctx, t, planned.Plan)
	s.answer(ctx, t, run, "apply-wave", "ROLL_BACK")
	x, err = run.Wait(ctx)
	must(t, err)
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "apply-wave/report wave 1: 3 moved", "apply-wave/report wave 2: ", "Couldn't find or create file",
		"apply-wave/report_outcome wave 2 rolled back (asia: ")
	s.runOn(ctx, t, "global", "as-press", archive, "am-machines", "eu-orders") // the wave, and what was not begun
	s.runOn(ctx, t, "asia", "as-meters")                                       // the canaries stay

	run = s.approved(ctx, t, planned.Plan)
	paused, err := run.Paused(ctx, "apply-wave", waitTime)
	must(t, err)
	s.runOn(ctx, t, "global", archive)
	must(t, os.Mkdir(filepath.Join(s.folder, "archive-asia"), 0o750))
	must(t, engine.Resume(ctx, paused, map[string]any{"decision": "GO_ON", "who": "Bob", "why": "the folder is there"}))
	x, err = run.Wait(ctx)
	must(t, err)
	wantState(t, x, "SUCCESS")
	wantText(t, "summary", campaignOf(t, x).Summary, "7 of 7 connectors", "\nwave 1: 3 unchanged\n", ", goes on, decided by Bob: the folder is there", "\nwave 3: 2 moved")
	waves := map[string]bool{} // an iteration of 2.0's Loop, which asks an owner, has the labels of its wave
	for _, labels := range x.Known["apply-wave"] {
		waves[labels["plan"]+" "+labels["wave"]] = true
	}
	short := planned.Hash[:12]
	if want := map[string]bool{short + " 1": true, short + " 2": true, short + " 3": true}; !maps.Equal(waves, want) {
		t.Errorf("labels of the waves: %v, expected %v", waves, want)
	}
	s.end(ctx, t)
}

// begin starts the connectors on global. Their names say where the rules send them.
func (s *story) begin(ctx context.Context, t *testing.T) {
	t.Helper()
	must(t, os.Mkdir(filepath.Join(s.folder, "archive"), 0o750))
	for name, tasks := range sources {
		must(t, s.clusters.Connect("global").Run(ctx, s.prefix+name, lab.NumberedSource(s.prefix+name, tasks, 50)))
	}
	var err error
	s.traffic, err = lab.StartTraffic(ctx, lab.TrafficSpec{Bootstrap: s.kafka, Topic: s.prefix + "archived", Stream: "s", Rate: 50})
	must(t, err)
	t.Cleanup(func() { _, _ = s.traffic.Stop() })
	must(t, lab.AwaitSequence(ctx, s.kafka, s.prefix+"archived", "s", 0, waitTime))
	for _, name := range []string{archive, "am-shipments"} {
		must(t, s.clusters.Connect("global").Run(ctx, s.prefix+name, lab.FileSink(s.prefix+"archived", filepath.Join(s.folder, "archive", name))))
	}
}

// rules are those of the demo, for the connectors of this story alone.
func (s *story) rules(t *testing.T) string {
	t.Helper()
	root, err := Root()
	must(t, err)
	content, err := os.ReadFile(filepath.Join(root, "examples", "demo", "rules.yaml"))
	must(t, err)
	return strings.NewReplacer("as-*", s.prefix+"as-*", "am-*", s.prefix+"am-*", "eu-*", s.prefix+"eu-*").Replace(string(content))
}

func (s *story) approved(ctx context.Context, t *testing.T, plan string) *Run {
	t.Helper()
	run, err := s.Begin("migrate-cluster", map[string]any{"plan": plan, "max_failures": 2})
	must(t, err)
	s.answer(ctx, t, run, "migrate-cluster", "APPROVE")
	return run
}

func (s *story) answer(ctx context.Context, t *testing.T, run *Run, flow, decision string) {
	t.Helper()
	paused, err := run.Paused(ctx, flow, waitTime)
	must(t, err)
	must(t, s.Resume(ctx, paused, map[string]any{"decision": decision, "who": "Ann", "why": "reviewed"}))
}

// runOn checks that connectors run on a cluster, and on no other.
func (s *story) runOn(ctx context.Context, t *testing.T, home string, connectors ...string) {
	t.Helper()
	for _, connector := range connectors {
		for _, cluster := range s.clusters.Connects() {
			status, err := cluster.Client().Status(ctx, s.prefix+connector)
			if connect.IsNotFound(err) && cluster.Name() != home {
				continue
			}
			must(t, err)
			if state := status.Connector.State; (state == connect.Running) != (cluster.Name() == home) {
				t.Errorf("%s is %s on %s, expected it to run on %s alone", connector, state, cluster.Name(), home)
			}
		}
	}
}

// end checks where all run now, ends them, and counts.
func (s *story) end(ctx context.Context, t *testing.T) {
	t.Helper()
	for region, connectors := range map[string][]string{
		"asia": {"as-meters", "as-press", archive}, "americas": {"am-machines", "am-shipments"}, "europe": {"eu-invoices", "eu-orders"}, "global": {"resident"},
	} {
		s.runOn(ctx, t, region, connectors...)
	}
	home := map[string]string{"as": "asia", "am": "americas", "eu": "europe", "re": "global"}
	for name, tasks := range sources {
		countFrom(ctx, t, s.clusters, s.kafka, s.prefix+name, home[name[:2]], tasks)
	}
	last, err := s.traffic.Stop()
	must(t, err)
	for _, name := range []string{archive, "am-shipments"} {
		var counted lab.Stream
		must(t, wait.Until(ctx, name+" to write the last record", waitTime, func(context.Context) (bool, string, error) {
			counted, err = lab.CountLines(filepath.Join(s.folder, "archive", name), filepath.Join(s.folder, "archive-asia", name))
			return counted.Last >= last, fmt.Sprintf("%d of %d", counted.Last, last), err
		}))
		if counted.First != 0 || counted.Lost != 0 || counted.Duplicated != 0 {
			t.Errorf("%s wrote %+v, expected none lost, none duplicated, from 0 to %d", name, counted, last)
		}
	}
	moved, err := lab.CountLines(filepath.Join(s.folder, "archive-asia", archive))
	must(t, err)
	if moved.Records == 0 || moved.First == 0 {
		t.Errorf("in asia %s wrote %+v, expected it to go on where global ended", archive, moved)
	}
}
