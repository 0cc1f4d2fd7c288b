package family_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

// mirrors are MirrorSourceConnectors on global, one for each topic, under traffic.
type mirrors struct {
	*stage
	names   []string // of the connectors and of their topics
	whole   string
	traffic []*lab.Traffic
}

func newMirrors(t *testing.T, count int) *mirrors {
	t.Helper()
	m := &mirrors{stage: newStage(t), whole: labtest.Name(t) + "-all"}
	factory, central := m.Kafka("factory"), m.Kafka("central")
	for i := range count {
		name := fmt.Sprintf("%s-%d", labtest.Name(t), i)
		traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{Bootstrap: factory.Bootstrap(), Topic: name, Stream: "s", Rate: 100})
		if err != nil {
			t.Fatal(err)
		}
		if err := lab.AwaitSequence(t.Context(), factory.Bootstrap(), name, "s", 0, time.Minute); err != nil {
			t.Fatal(err)
		}
		m.run(name, lab.With(lab.MirrorSource(factory, central, name), map[string]string{"tasks.max": "1"}))
		m.names, m.traffic = append(m.names, name), append(m.traffic, traffic)
	}
	t.Cleanup(func() {
		for _, cluster := range m.Connects() {
			_ = cluster.Client().Delete(context.WithoutCancel(t.Context()), m.whole)
			for _, name := range m.names {
				_ = cluster.Client().Delete(context.WithoutCancel(t.Context()), "split-"+name)
			}
		}
	})
	m.flow(100)
	return m
}

// flow waits until every topic has got so many more records.
func (m *mirrors) flow(more int64) {
	m.t.Helper()
	for i, name := range m.names {
		m.reaches("factory."+name, "s", m.traffic[i].Acked()+more)
	}
}

// exact stops the traffic and counts every topic.
func (m *mirrors) exact() {
	m.t.Helper()
	var records, lost, twice int64
	for i, name := range m.names {
		last, err := m.traffic[i].Stop()
		if err != nil {
			m.t.Fatal(err)
		}
		m.reaches("factory."+name, "s", last)
		tally := m.count("factory." + name)
		records, lost, twice = records+tally.Records(), lost+tally.Lost(), twice+tally.Duplicated()
	}
	m.t.Logf("%d records in %d topics, %d lost, %d duplicated", records, len(m.names), lost, twice)
	if lost != 0 || twice != 0 {
		m.t.Error("that is not exact")
	}
}

// arguments are those of a command about the consolidation.
func (m *mirrors) arguments(command string) []string {
	arguments := []string{command, "--origin", "global", "--target", "europe", "--into", m.whole, "--clusters", m.clusters, "--output", "json"}
	for _, name := range m.names {
		arguments = append(arguments, "--connector", name)
	}
	return arguments
}

// splitting are the arguments that make the one on europe several again, there.
func (m *mirrors) splitting() []string {
	arguments := []string{"split", "--origin", "europe", "--target", "europe", "--connector", m.whole, "--clusters", m.clusters, "--output", "json"}
	for _, name := range m.names {
		arguments = append(arguments, "--part", "split-"+name+"="+name)
	}
	return arguments
}

func (m *mirrors) ends(arguments []string, outcomes ...event.Outcome) event.ConnectorResult {
	m.t.Helper()
	got, answer := ferrytest.Only(m.t, nil, arguments...)
	m.t.Logf("%s: %s: %s", arguments[0], got.Outcome, got.Message)
	if !slices.Contains(outcomes, got.Outcome) {
		m.t.Fatalf("%s: %s, want %v\n%s", arguments[0], got.Outcome, outcomes, answer.Stderr)
	}
	return got
}

// TestMirrorsConsolidated makes one MirrorSourceConnector of eight under traffic, takes that
// back, does it again, and splits the one into eight on its own cluster.
func TestMirrorsConsolidated(t *testing.T) {
	t.Parallel()
	m := newMirrors(t, 8)
	moved := m.ends(m.arguments("consolidate"), event.Moved)
	if moved.SentAgain == nil || *moved.SentAgain != 0 || moved.Proof == nil || moved.Proof.Kind != event.Hard || len(moved.Parts) != 8 {
		t.Errorf("%+v", moved)
	}
	m.flow(100)
	m.ends(m.arguments("rollback"), event.RolledBack)
	m.flow(100)
	m.ends(m.arguments("consolidate"), event.Moved)
	m.flow(100)
	m.ends(m.splitting(), event.Moved)
	m.flow(100)
	for _, name := range m.names {
		status, err := m.Connect("europe").Client().Status(t.Context(), "split-"+name)
		if err != nil || status.Connector.State != connect.Running {
			t.Errorf("%s: %v, %v", name, status.Connector.State, err)
		}
	}
	m.exact()
}

// TestMirrorsConsolidatedKilled kills consolidations, rollbacks and splits at random moments, and
// runs the same command again.
func TestMirrorsConsolidatedKilled(t *testing.T) {
	t.Parallel()
	m := newMirrors(t, 3)
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any number
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- moments of a test
	for range 3 {
		m.killed(random, m.arguments("consolidate"))
		m.flow(50)
		m.killed(random, m.arguments("rollback"))
		m.flow(50)
	}
	m.ends(m.arguments("consolidate"), event.Moved)
	m.killed(random, m.splitting())
	m.exact()
}

// killed runs a command, kills it within its first seconds, and runs it again to its end.
func (m *mirrors) killed(random *rand.Rand, arguments []string) {
	m.t.Helper()
	command := exec.CommandContext(m.t.Context(), ferrytest.Binary(m.t), arguments...) // #nosec G204 -- our own binary
	var said strings.Builder
	command.Stderr = &said
	if err := command.Start(); err != nil {
		m.t.Fatal(err)
	}
	after := 300*time.Millisecond + time.Duration(random.Int64N(int64(4*time.Second)))
	timer := time.AfterFunc(after, func() { _ = command.Process.Kill() })
	err := command.Wait()
	timer.Stop()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	m.t.Logf("%s killed after %s (%v): %s", arguments[0], after, err, lines[len(lines)-1])
	m.ends(arguments, event.Moved, event.RolledBack, event.PutBack, event.Unchanged)
}
