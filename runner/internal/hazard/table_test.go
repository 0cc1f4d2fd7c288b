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
	return hazards + 1 + strings.Index("KDNSORV", r.id())
}

// matrix is what a run of the rows came to, as it is printed.
type matrix struct {
	lines   []line
	workers int // of each cluster
	took    time.Duration
}

// line is a row as it is printed. Of what was not counted, the numbers are empty.
type line struct {
	ID, Hazard, How, Versions, Outcome, Proof, Down, Lost, Duplicated string
	story                                                             string
	bad, skipped                                                      bool
}

func newMatrix(results []result, workers int, took time.Duration) matrix {
	m := matrix{workers: workers, took: took}
	for _, r := range results {
		v := r.verdict
		l := line{
			ID: r.row.id(), Hazard: r.row.hazard, How: r.row.how, Versions: r.row.versionsRun(), Outcome: v.outcome, Proof: v.proof, Down: downFor(v),
			story: v.story, bad: r.bad, skipped: strings.HasPrefix(v.outcome, "not brought about"),
		}
		if r.bad {
			l.Outcome = "BAD: " + l.Outcome
		}
		if v.counted {
			l.Lost, l.Duplicated = strconv.FormatInt(v.lost, 10), strconv.FormatInt(v.duplicated, 10)
		}
		m.lines = append(m.lines, l)
	}
	return m
}

// table prints the lines under one another, and their sum.
func (m matrix) table() string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "\thazard or fault\thow it was brought about\tversions\toutcome\tproof\tdown for\tlost\tduplicated")
	for _, l := range m.lines {
		fmt.Fprintln(columns, strings.Join([]string{l.ID, l.Hazard, l.How, l.Versions, l.Outcome, l.Proof, l.Down, l.Lost, l.Duplicated}, "\t"))
	}
	columns.Flush()
	for _, l := range m.lines {
		if l.story != "" {
			fmt.Fprintf(&text, "\n%s: %s", l.Hazard, l.story)
		}
	}
	fmt.Fprintf(&text, "\n\n%s\n", m.summary())
	return text.String()
}

// summary is the last line of the table.
func (m matrix) summary() string {
	var bad, skipped int
	for _, l := range m.lines {
		if l.bad {
			bad++
		}
		if l.skipped {
			skipped++
		}
	}
	return fmt.Sprintf("%d rows, %d bad, %d not brought about; %d worker(s) in each cluster, %d min %d s",
		len(m.lines), bad, skipped, m.workers, int(m.took.Minutes()), int(m.took.Seconds())%60)
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

// report prints the table on standard output, and into the files that were asked for.
func report(t *testing.T, results []result) {
	t.Helper()
	slices.SortStableFunc(results, byHazard)
	m := newMatrix(results, *workers, time.Since(started))
	text := m.table()
	fmt.Fprint(os.Stdout, "\n", text)
	write(t, *tableTo, text)
	if *markdownTo != "" {
		text, err := document(m, "make hazards")
		if err != nil {
			t.Error(err)
		}
		write(t, *markdownTo, text)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if file == "" {
		return
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	r := row{name: "H6-x", hazard: "answer lost", how: "proxy", run: func(*scene) verdict { return verdict{} }}
	text := newMatrix([]result{
		{row: r, verdict: verdict{outcome: "moved", proof: "hard", down: 412 * time.Millisecond, counted: true}},
		{row: r, verdict: verdict{outcome: "moved", duplicated: 7, down: 31600 * time.Millisecond, counted: true}, bad: true},
		{row: row{name: "H99-y", cannot: "no lab"}, verdict: verdict{outcome: "not brought about: no lab"}},
	}, 2, 75*time.Second).table()
	for _, want := range []string{"412 ms", "32 s", "BAD: moved", "not brought about: no lab", "3 rows, 1 bad, 1 not brought about; 2 worker(s) in each cluster, 1 min 15 s"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
