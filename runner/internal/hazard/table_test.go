package hazard

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// result is a row and what came of it.
type result struct {
	row     row
	verdict verdict
	bad     bool
}

func (r result) String() string {
	text := fmt.Sprintf("%s %s: %s", r.row.id(), r.row.hazard, r.verdict.outcome)
	if r.verdict.counted {
		text += fmt.Sprintf(", %d lost, %d duplicated", r.verdict.lost, r.verdict.duplicated)
	}
	if r.bad {
		return "BAD " + text
	}
	return text
}

// byHazard sorts by the number of the hazard, and what has none after that.
func byHazard(a, b result) int { return cmp.Compare(number(a.row), number(b.row)) }

func number(r row) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(r.id(), "H")); err == nil {
		return n
	}
	return hazards + 1 + strings.Index("KNSOR", r.id())
}

// table prints the results under one another, and their sum.
func table(results []result, workers int, took time.Duration) string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "\thazard or fault\thow it was brought about\tversions\toutcome\tproof\tdown for\tlost\tduplicated")
	var bad, skipped int
	for _, r := range results {
		v := r.verdict
		outcome := v.outcome
		if r.bad {
			bad++
			outcome = "BAD: " + outcome
		}
		if strings.HasPrefix(v.outcome, "not brought about") {
			skipped++
		}
		lost, duplicated := "", ""
		if v.counted {
			lost, duplicated = strconv.FormatInt(v.lost, 10), strconv.FormatInt(v.duplicated, 10)
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.row.id(), r.row.hazard, r.row.how, r.row.versionsRun(),
			outcome, v.proof, downFor(v), lost, duplicated)
	}
	columns.Flush()
	for _, r := range results {
		if r.verdict.story != "" {
			fmt.Fprintf(&text, "\n%s: %s", r.row.hazard, r.verdict.story)
		}
	}
	fmt.Fprintf(&text, "\n\n%d rows, %d bad, %d not brought about; %d worker(s) in each cluster, %d min %d s\n",
		len(results), bad, skipped, workers, int(took.Minutes()), int(took.Seconds())%60)
	return text.String()
}

func downFor(v verdict) string {
	switch {
	case !v.counted:
		return ""
	case v.down < 10*time.Second:
		return fmt.Sprintf("%d ms", v.down.Milliseconds())
	default:
		return fmt.Sprintf("%d s", int(v.down.Seconds()+0.5))
	}
}

func (r row) versionsRun() string {
	if r.run == nil || r.versions != "" {
		return r.versions
	}
	return r.stage.versions()
}

// report prints the table on standard output.
func report(t *testing.T, results []result) {
	t.Helper()
	slices.SortStableFunc(results, byHazard)
	text := table(results, *workers, time.Since(started))
	fmt.Fprint(os.Stdout, "\n", text)
	if *tableTo != "" {
		if err := os.WriteFile(*tableTo, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func TestTable(t *testing.T) {
	r := row{name: "H6-x", hazard: "answer lost", how: "proxy", run: func(*scene) verdict { return verdict{} }}
	text := table([]result{
		{row: r, verdict: verdict{outcome: "moved", proof: "hard", down: 412 * time.Millisecond, counted: true}},
		{row: r, verdict: verdict{outcome: "moved", duplicated: 7, down: 31600 * time.Millisecond, counted: true}, bad: true},
		{row: row{name: "H99-y", cannot: "no lab"}, verdict: verdict{outcome: "not brought about: no lab"}},
	}, 2, 75*time.Second)
	for _, want := range []string{"412 ms", "32 s", "BAD: moved", "not brought about: no lab", "3 rows, 1 bad, 1 not brought about; 2 worker(s) in each cluster, 1 min 15 s"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
