package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// dashboardFile returns the path of the dashboard.
func dashboardFile(t *testing.T) string {
	t.Helper()
	root, err := Root()
	must(t, err)
	return filepath.Join(root, "flows", "dashboards", "connect-ferry.yaml")
}

// renamedMetric writes a dashboard that asks for a metric which no task has, and returns its folder.
func renamedMetric(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(dashboardFile(t))
	must(t, err)
	folder := filepath.Join(t.TempDir(), "dashboards")
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "renamed.yaml"), []byte(strings.Replace(string(content), "value: ferry.moved", "value: ferry.mooved", 1)), 0o600))
	return folder
}

// TestDashboardIsDescribed checks what the dashboard promises its readers: an id that is the
// file's, and a name and a description of each chart.
func TestDashboardIsDescribed(t *testing.T) {
	var dashboard struct {
		ID          string `yaml:"id"`
		Title       string `yaml:"title"`
		Description string `yaml:"description"`
		Charts      []struct {
			ID      string `yaml:"id"`
			Options struct {
				DisplayName string `yaml:"displayName"`
				Description string `yaml:"description"`
			} `yaml:"chartOptions"`
		} `yaml:"charts"`
	}
	content, err := os.ReadFile(dashboardFile(t))
	must(t, err)
	must(t, yaml.Unmarshal(content, &dashboard))
	if dashboard.ID+".yaml" != filepath.Base(dashboardFile(t)) || dashboard.Title == "" || dashboard.Description == "" || len(dashboard.Charts) == 0 {
		t.Errorf("id %q, title %q, description %q, %d charts", dashboard.ID, dashboard.Title, dashboard.Description, len(dashboard.Charts))
	}
	for _, chart := range dashboard.Charts {
		if chart.ID == "" || chart.Options.DisplayName == "" || chart.Options.Description == "" {
			t.Errorf("chart %+v lacks an id, a name or a description", chart)
		}
	}
}

var (
	commandOf = regexp.MustCompile(`String command\(\) \{\s*return "([a-z-]+)";`)
	metricOf  = regexp.MustCompile(`@Metric\(name = "([a-z0-9._]+)"`)
)

// TestMetricsAreDeclared holds what each task declares to what its command has.
func TestMetricsAreDeclared(t *testing.T) {
	root, err := Root()
	must(t, err)
	files, err := filepath.Glob(filepath.Join(root, "plugin", "src", "main", "java", "io", "connectferry", "*.java"))
	must(t, err)
	with := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		must(t, err)
		command := commandOf.FindSubmatch(source)
		if command == nil {
			continue
		}
		var declared []string
		for _, match := range metricOf.FindAllSubmatch(source, -1) {
			declared = append(declared, string(match[1]))
		}
		if len(declared) > 0 {
			with++
		}
		slices.Sort(declared)
		if of := event.MetricsOf(string(command[1])); !slices.Equal(declared, of) {
			t.Errorf("%s declares %q, and ferry %s has %q", filepath.Base(file), declared, command[1], of)
		}
	}
	if with == 0 {
		t.Error("no task declares a metric")
	}
}

// figures are the numbers of a dashboard: of each KPI, of each outcome over all days, and how
// many rows each table has.
type figures map[string]float64

func (s *stage) dashboard(t *testing.T) (Charts, figures) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	charts, err := s.Dashboard(ctx, dashboardFile(t))
	must(t, err)
	return charts, figuresOf(t, charts)
}

func figuresOf(t *testing.T, charts Charts) figures {
	t.Helper()
	of := figures{}
	for id, rows := range charts {
		switch {
		case id == "a_day":
			for _, row := range rows {
				of["a_day "+text(t, row["metric"])] += number(t, row["connectors"])
			}
		case len(rows) == 1 && rows[0]["value"] != nil:
			of[id] = number(t, rows[0]["value"])
		default:
			of[id] = float64(len(rows))
		}
	}
	return of
}

func number(t *testing.T, value json.RawMessage) (number float64) {
	t.Helper()
	must(t, json.Unmarshal(value, &number))
	return number
}

func text(t *testing.T, value json.RawMessage) (text string) {
	t.Helper()
	must(t, json.Unmarshal(value, &text))
	return text
}

// showsNothing looks at the dashboard before anything has run.
func (s *stage) showsNothing(t *testing.T) {
	t.Helper()
	charts, shown := s.dashboard(t)
	if len(charts) == 0 {
		t.Error("no charts")
	}
	for id, figure := range shown {
		if figure != 0 {
			t.Errorf("%s shows %v before anything ran: %s", id, figure, charts[id])
		}
	}
}

// showsWhatRan compares what the dashboard shows with what is run here, while nothing else is.
func (s *stage) showsWhatRan(t *testing.T) {
	s.source(t, "first", nil)
	s.source(t, "second", nil)
	s.source(t, "broken", nil)
	s.europe.FailStarts("broken", "java.lang.IllegalStateException: not here")
	var before figures
	must(t, wait.Until(t.Context(), "the metrics of what ran before", waitTime, func(context.Context) (bool, string, error) {
		last := before
		_, before = s.dashboard(t)
		return maps.Equal(last, before), "they still arrive", nil
	}))

	fails, err := s.Begin("migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"broken", "nobody"}})
	must(t, err)
	both := s.run(t, "move-several", map[string]any{"connectors": []string{"first", "second"}})
	wantState(t, both, "SUCCESS")
	wantState(t, s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "first"}), "SUCCESS")
	open, err := s.Begin("validate-connector", map[string]any{"origin": "global", "target": "europe", "connector": "second"})
	must(t, err)
	waiting, err := open.Paused(t.Context(), "validate-connector", waitTime)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	failed, err := fails.Wait(ctx)
	must(t, err)
	wantState(t, failed, "FAILED")

	more := figures{
		"moved": 2, "failed": 1, "rolled_back": 1, "percentiles": 2,
		"a_day ferry.moved": 2, "a_day ferry.failed": 1, "a_day ferry.refused": 1, "a_day ferry.rolled_back": 1,
	}
	var charts Charts
	var after figures
	must(t, wait.Until(t.Context(), "the dashboard to show what ran", waitTime, func(context.Context) (bool, string, error) {
		charts, after = s.dashboard(t)
		for name, add := range more {
			if after[name] != before[name]+add {
				return false, fmt.Sprintf("%s is %v, was %v, expected %v more", name, after[name], before[name], add), nil
			}
		}
		return isWaiting(t, charts, waiting), "execution " + waiting + " of validate-connector is not among those that wait", nil
	}))
	if after["open_validations"] != float64(len(charts["waiting"])) {
		t.Errorf("%v open validations, and these wait: %s", after["open_validations"], charts["waiting"])
	}
	for name := range maps.Keys(after) {
		if _, known := more[name]; !known && strings.HasPrefix(name, "a_day ") && after[name] != before[name] {
			t.Errorf("%s is %v, was %v", name, after[name], before[name])
		}
	}
	s.showsDowntimes(t, charts, both)
	runsAgain(t, s.global, "first")
	if state := on(t, s.europe, "second"); state != connect.Running {
		t.Errorf("second is %s on europe", state)
	}
}

func isWaiting(t *testing.T, charts Charts, execution string) bool {
	t.Helper()
	return slices.ContainsFunc(charts["waiting"], func(row map[string]json.RawMessage) bool {
		return text(t, row["execution"]) == execution && text(t, row["state"]) == "PAUSED"
	})
}

// showsDowntimes compares the downtimes with those of a task that moved two connectors, and
// the shares with the downtimes that are shown.
func (s *stage) showsDowntimes(t *testing.T, charts Charts, both Execution) {
	t.Helper()
	task, _ := both.Task("move")
	var outputs struct {
		Connectors []struct {
			DowntimeMS float64 `json:"downtimeMs"`
		} `json:"connectors"`
	}
	must(t, json.Unmarshal(task.Outputs, &outputs))
	var down []float64
	for _, one := range outputs.Connectors {
		down = append(down, one.DowntimeMS)
	}
	slices.Sort(down)
	if len(down) != 2 || down[0] == 0 {
		t.Fatalf("downtimes %v of %s", down, task.Outputs)
	}
	percentiles := map[string]float64{}
	for _, row := range charts["percentiles"] {
		if text(t, row["execution"]) == both.ID {
			percentiles[text(t, row["percentile"])] = number(t, row["downtime"])
		}
	}
	if want := map[string]float64{"ferry.downtime.p50": down[0], "ferry.downtime.p95": down[1]}; !maps.Equal(percentiles, want) {
		t.Errorf("percentiles of %s are %v, expected %v", both.ID, percentiles, want)
	}
	var all []float64
	for _, row := range charts["longest"] {
		all = append(all, number(t, row["downtime"]))
	}
	if !slices.IsSortedFunc(all, func(a, b float64) int { return int(b - a) }) || !slices.Contains(all, down[0]) || !slices.Contains(all, down[1]) {
		t.Errorf("downtimes %v, expected %v among them, the longest first", all, down)
	}
	if !slices.ContainsFunc([]int{0, 1, 2, 3, 4}, func(hidden int) bool { return sharesOf(t, charts, all, hidden) }) {
		t.Errorf("shares %s %s %s %s do not fit %v", charts["within_1_s"], charts["within_2_s"], charts["within_5_s"], charts["within_30_s"], all)
	}
	if days := charts["downtime"]; len(days) == 0 || number(t, days[len(days)-1]["longest"]) < down[1] {
		t.Errorf("downtime a day: %s, expected one of %v at least", days, down[1])
	}
}

// sharesOf reports whether the shares shown are those of the downtimes listed, longest first, and of some that are not: Kestra lists
// two of one execution once if they are equal to the millisecond, since it groups the rows of a table by all its columns.
func sharesOf(t *testing.T, charts Charts, listed []float64, hidden int) bool {
	t.Helper()
	for limit, id := range map[float64]string{1000: "within_1_s", 2000: "within_2_s", 5000: "within_5_s", 30000: "within_30_s"} {
		within := 0
		for _, ms := range listed {
			if ms <= limit {
				within++
			}
		}
		got, fits := number(t, charts[id][0]["value"]), false
		for short := range hidden + 1 {
			share := float64(within+short) / float64(len(listed)+hidden) * 100
			fits = fits || got > share-0.01 && got < share+0.01
		}
		if !fits {
			return false
		}
	}
	return true
}
