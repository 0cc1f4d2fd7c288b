package family_test

import (
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

// TestQueryMode moves a source that polls a query by JDBC, whose one partition is
// the same whatever the query is, there and back.
func TestQueryMode(t *testing.T) {
	s := newStage(t)
	name := labtest.Name(t)
	rows, err := s.StartTable(t.Context(), "queried", 100)
	if err != nil {
		t.Fatal(err)
	}
	s.run(name, lab.With(lab.TableSource(rows, name), map[string]string{"query": "SELECT * FROM " + rows.Name() + " WHERE SEQUENCE >= 0"}))
	s.reaches(name, rows.Name(), 200)
	if moved := s.ferry(event.Moved, "move", name); moved.Entries != 1 {
		t.Errorf("%d entries", moved.Entries)
	}
	offsets, err := s.Connect("europe").Client().Offsets(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(offsets.String(), `{"query":"query"}`) {
		t.Errorf("offsets %s", offsets)
	}
	s.reaches(name, rows.Name(), s.count(name)[rows.Name()].Last+200)
	s.ferry(event.RolledBack, "rollback", name)
	last, err := rows.Hold()
	if err != nil {
		t.Fatal(err)
	}
	s.reaches(name, rows.Name(), last)
	tally := s.count(name)
	if tally.Lost() != 0 || tally.Duplicated() != 0 || tally[rows.Name()].First != 0 || tally[rows.Name()].Last != last {
		t.Errorf("of %d rows: %+v", last+1, tally)
	}
	t.Logf("%d rows, %d records, %d lost, %d duplicated", last+1, tally.Records(), tally.Lost(), tally.Duplicated())
}
