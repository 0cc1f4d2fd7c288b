package hazard

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	all     = flag.Bool("all", false, "run every row, not only those of the short selection")
	workers = flag.Int("workers", 1, "workers of each cluster, 1 or 2")
	only    = flag.String("rows", "", "run only rows whose name begins with one of these, with commas")
	tableTo = flag.String("table", "", "write the table to this file too")
)

// row is one hazard or fault, and how it is brought about.
type row struct {
	name     string // unique: the hazard's number or a word, a dash, and more
	hazard   string
	how      string
	versions string // "" means those of the stage
	stage    stage
	from, to string // clusters of the stage; "" for global and europe
	short    bool   // in the short selection too
	both     bool   // needs two workers in each cluster
	waits    bool   // mostly waits, so that it runs beside others that do
	// run brings it about and returns what came of it; it fails the test if that is bad.
	run func(s *scene) verdict
	// cannot is why it is not brought about here; then run is nil.
	cannot string
}

// verdict is what came of a row.
type verdict struct {
	outcome          string
	story            string // told under the table
	proof            string
	down             time.Duration
	lost, duplicated int64
	counted          bool // lost and duplicated were counted
}

// id is the number of the hazard, such as H7.
func (r row) id() string {
	id, _, _ := strings.Cut(r.name, "-")
	return id
}

const hazards = 23 // in the list that the issue is about

func rows() []row {
	return slices.Concat(rawRows(), offsetRows(), interlockRows(), failureRows(), deletedRows(), upgradeRows(), killRows(), networkRows(), environmentRows(), exactRows(), captureRows(), sinkRows(), scheduleRows())
}

func TestEveryHazardHasARow(t *testing.T) {
	seen := map[string]bool{}
	ids := map[string]bool{}
	for _, r := range rows() {
		if seen[r.name] {
			t.Errorf("two rows are named %s", r.name)
		}
		seen[r.name] = true
		ids[r.id()] = true
		if !slices.ContainsFunc(groups, func(chapter group) bool { return strings.HasPrefix(r.id(), chapter.Letter) }) {
			t.Errorf("%s is in no chapter of the document", r.name)
		}
		if (r.run == nil) == (r.cannot == "") {
			t.Errorf("%s must either be run or say why it cannot be", r.name)
		}
	}
	for n := 1; n <= hazards; n++ {
		if !ids["H"+strconv.Itoa(n)] {
			t.Errorf("hazard H%d has no row", n)
		}
	}
}

// TestMatrix runs the rows, stage by stage, and prints the table.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("needs labs of real Kafka clusters, and -short is for tests that need nothing")
	}
	chosen := choose(rows())
	results := make([]result, len(chosen))
	for _, at := range stages {
		one := func(t *testing.T, i int, parallel bool) {
			results[i] = result{row: chosen[i], verdict: verdict{outcome: "did not end"}, bad: true}
			t.Run(chosen[i].name, func(t *testing.T) {
				if parallel {
					t.Parallel()
				}
				t.Cleanup(func() { progress("%s", results[i]) }) // also of a row that failed
				found := play(t, chosen[i])
				results[i].verdict, results[i].bad = found, t.Failed()
			})
		}
		if slices.ContainsFunc(chosen, func(r row) bool { return r.stage == at && r.waits }) {
			enter(t, at)
			t.Run("beside", func(t *testing.T) {
				for i, r := range chosen {
					if r.stage == at && r.waits {
						one(t, i, true)
					}
				}
			})
		}
		for i, r := range chosen {
			if r.stage == at && !r.waits {
				one(t, i, false)
			}
		}
	}
	report(t, results)
}

func choose(rows []row) []row {
	return slices.DeleteFunc(rows, func(r row) bool {
		if *only != "" {
			return !slices.ContainsFunc(strings.Split(*only, ","), func(prefix string) bool { return strings.HasPrefix(r.name, prefix) })
		}
		return !*all && !r.short && r.id() != "R"
	})
}

func play(t *testing.T, r row) verdict {
	if r.cannot != "" {
		return verdict{outcome: "not brought about: " + r.cannot}
	}
	if r.both && *workers < 2 {
		return verdict{outcome: "not brought about: needs two workers, run it with -workers 2"}
	}
	s := newScene(t, r)
	found := r.run(s)
	s.always(&found)
	return found
}

var started = time.Now()

// progress tells on standard error how far the matrix is.
func progress(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "%7.1fs  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, arguments...))
}
