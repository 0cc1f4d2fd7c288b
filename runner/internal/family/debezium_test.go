package family_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestDebeziumPostgres moves a real Debezium connector there and back while rows
// are written to its table, and counts them by their primary key.
func TestDebeziumPostgres(t *testing.T) {
	s := newStage(t)
	server, err := s.StartPostgres(t.Context(), "moved")
	if errors.Is(err, lab.ErrNoPostgres) {
		t.Skip("skipped, there is no PostgreSQL here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const table = "orders"
	name := labtest.Name(t)
	topic, slot := lab.DebeziumTopic(name, table), "testdebeziumpostgres"
	if err := server.Grow(t.Context(), table, 100); err != nil {
		t.Fatal(err)
	}
	config := lab.DebeziumSource(server, name, table)
	s.run(name, config)
	s.reaches(topic, table, 200)
	if active, confirmed, err := server.Slot(t.Context(), slot); err != nil || !active || confirmed == "" {
		t.Fatalf("slot active %v, confirmed %q, %v", active, confirmed, err)
	}

	// Refused while the connector runs on: another slot, another prefix.
	refused := s.ferry(event.Refused, "move", name, "--set", "slot.name=another")
	if !says(refused, "new slot begins at the present") {
		t.Error(refused.Message)
	}
	refused = s.ferry(event.Refused, "check", name, "--set", "slot.drop.on.stop=true")
	if !says(refused, "slot would be dropped") {
		t.Error(refused.Message)
	}

	moved := s.ferry(event.Moved, "move", name)
	if moved.Proof.Kind != event.Hard || moved.Entries != 1 || !says(moved, "Debezium PostgreSQL") {
		t.Errorf("%s proof, %d entries, checks %+v", moved.Proof.Kind, moved.Entries, moved.Checks)
	}
	t.Logf("moved: down for %d ms after %d ms of pausing", *moved.DowntimeMS, moved.PausingMS)
	at := s.count(topic)[table].Last
	s.reaches(topic, table, at+100)

	// The slot is a fence of its own: a second copy cannot read while the first does.
	s.fenced(name, config)

	s.described(name)

	rolled := s.ferry(event.RolledBack, "rollback", name)
	t.Logf("rolled back: down for %d ms after %d ms of pausing", *rolled.DowntimeMS, rolled.PausingMS)
	last, err := server.Hold(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	s.reaches(topic, table, last)
	tally := s.count(topic)
	stream := tally[table]
	if len(tally) != 1 || stream.First != 0 || stream.Last != last || tally.Lost() != 0 || tally.Duplicated() != 0 {
		t.Errorf("of %d rows: %+v", last+1, tally)
	}
	t.Logf("%d rows, %d records, %d lost, %d duplicated", last+1, tally.Records(), tally.Lost(), tally.Duplicated())
}

// fenced starts a second copy under another name and sees its task fail on the slot.
func (s *stage) fenced(name string, config map[string]string) {
	s.t.Helper()
	second := name + "-second"
	global := s.Connect("global")
	if err := global.Create(s.t.Context(), second, lab.With(config, map[string]string{"slot.max.retries": "0", "errors.max.retries": "0", "snapshot.mode": "no_data"})); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := global.Client().Delete(s.t.Context(), second); err != nil {
			s.t.Error(err)
		}
	}()
	trace := s.failed(second)
	if !strings.Contains(trace, "is active for PID") {
		s.t.Errorf("a second copy does not fail on the slot: %s", trace)
	}
}

// described compares what the family file says of the offsets with those that are there.
func (s *stage) described(name string) {
	s.t.Helper()
	value, err := s.Connect("europe").Client().Offsets(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	offsets, err := offset.Parse(value)
	if err != nil {
		s.t.Fatal(err)
	}
	kind := family.For(rawjson.Object{}.With("connector.class", rawjson.String("io.debezium.connector.postgresql.PostgresConnector")))
	if foreign := kind.Foreign(offsets); offsets.Len() != 1 || len(foreign) != 0 {
		s.t.Errorf("%d entries, of which another kind's: %v", offsets.Len(), foreign)
	}
	for _, entry := range offsets.Entries() {
		if order, comparable := kind.Compare(entry.Offset, entry.Offset); order != 0 || !comparable {
			s.t.Errorf("offset %s cannot be ordered", entry.Offset)
		}
	}
}
