package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// figure is a metric as Kestra reads it.
type figure struct {
	Name  string            `json:"name"`
	Type  string            `json:"type"`
	Value json.Number       `json:"value"`
	Tags  map[string]string `json:"tags"`
}

// figures returns what the metrics of a result add up to, by name; those of timers as they are.
func figures(t *testing.T, result event.Result) (string, []figure) {
	t.Helper()
	var out bytes.Buffer
	event.NewKestra(&out).Result(result)
	line, _, _ := strings.Cut(out.String(), "\n")
	marker, found := strings.CutPrefix(strings.TrimSuffix(line, "::"), "::")
	var said struct {
		Metrics []figure `json:"metrics"`
	}
	if !found {
		t.Fatalf("no marker: %s", line)
	}
	if err := json.Unmarshal([]byte(marker), &said); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range said.Metrics {
		told = append(told, fmt.Sprintf("%s %s", strings.TrimPrefix(m.Name, "ferry."), m.Value))
		if !slices.Contains(event.MetricsOf(result.Command), m.Name) {
			t.Errorf("%s has %s, of which MetricsOf knows nothing", result.Command, m.Name)
		}
	}
	return strings.Join(told, ", "), said.Metrics
}

func TestMetrics(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	one := func(outcome event.Outcome) event.ConnectorResult {
		return event.ConnectorResult{Connector: "orders", Outcome: outcome}
	}
	unproven := one(event.Moved)
	unproven.Proof = &event.Proof{Kind: event.NoProof}
	counted := unproven
	counted.SentAgain = number(7)
	translated := one(event.RolledBack)
	translated.Copy = "checkpoints"
	stopped := one(event.NotProven)
	stopped.SentAgain = number(7)
	down := func(ms int64) event.ConnectorResult {
		c := one(event.Moved)
		c.DowntimeMS = number(ms)
		return c
	}
	for name, test := range map[string]struct {
		command    string
		connectors []event.ConnectorResult
		want       string
	}{
		"moved":                        {"move", []event.ConnectorResult{one(event.Moved)}, "moved 1"},
		"nothing to do":                {"move", []event.ConnectorResult{one(event.Unchanged), one(event.NotBegun)}, ""},
		"a copy that failed":           {"apply", []event.ConnectorResult{one(event.RolledBack)}, "failed 1"},
		"taken back on request":        {"rollback", []event.ConnectorResult{one(event.RolledBack), one(event.PutBack)}, "rolled_back 1"},
		"every way to fail":            {"split", []event.ConnectorResult{one(event.Failed), one(event.NotProven), one(event.Down), one(event.Interrupted)}, "failed 1, failed 1, failed 1, failed 1"},
		"refused, or held":             {"check", []event.ConnectorResult{one(event.Refused), one(event.Held), one(event.Ready)}, "refused 1, refused 1"},
		"accepted":                     {"accept", []event.ConnectorResult{one(event.Accepted)}, "accepted 1"},
		"a look is no failure":         {"status", []event.ConnectorResult{one(event.Down), one(event.Failed)}, ""},
		"counted":                      {"move", []event.ConnectorResult{counted}, "moved 1, sent_again 7"},
		"counted, and not begun":       {"move", []event.ConnectorResult{stopped}, "failed 1"},
		"not proven, and not counted":  {"move", []event.ConnectorResult{unproven}, "moved 1, sent_again.not_known 1"},
		"translated, and not counted":  {"rollback", []event.ConnectorResult{translated}, "rolled_back 1, sent_again.not_known 1"},
		"running twice":                {"move", []event.ConnectorResult{one(event.RunningTwice)}, "failed 1, sent_again.not_known 1"},
		"one downtime":                 {"move", []event.ConnectorResult{down(1_250)}, "moved 1, downtime 1.250"},
		"percentiles of two":           {"move", []event.ConnectorResult{down(2_000), down(1_000)}, "moved 1, downtime 2.000, moved 1, downtime 1.000, downtime.p50 1.000, downtime.p95 2.000"},
		"no percentiles of a step":     {"flush-wait", []event.ConnectorResult{down(2), down(1)}, "downtime 0.002, downtime 0.001"},
		"a wave that holds, rehearsed": {"apply", []event.ConnectorResult{one(event.Rehearsed), one(event.Prepared)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := figures(t, event.Result{Command: test.command, Origin: "global", Target: "europe", Connectors: test.connectors})
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestPercentilesAreOnesThatWere compares with the definition: of twenty, ten are no longer
// than p50, and nineteen no longer than p95.
func TestPercentilesAreOnesThatWere(t *testing.T) {
	result := event.Result{Command: "apply", Origin: "global"}
	for i := range 20 {
		ms := int64(1_000 * (20 - i))
		result.Connectors = append(result.Connectors, event.ConnectorResult{Connector: fmt.Sprint(i), Outcome: event.Moved, DowntimeMS: &ms})
	}
	_, all := figures(t, result)
	got := all[len(all)-2:]
	if got[0].Name != "ferry.downtime.p50" || got[0].Value != "10.000" || got[1].Name != "ferry.downtime.p95" || got[1].Value != "19.000" {
		t.Errorf("got %v", got)
	}
	if _, of := got[0].Tags["connector"]; of || got[0].Tags["origin"] != "global" {
		t.Errorf("tags %v, expected the origin, and no connector", got[0].Tags)
	}
}
