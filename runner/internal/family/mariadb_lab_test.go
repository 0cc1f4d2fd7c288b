package family_test

import (
	"errors"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

// TestDebeziumMariaDB moves a real Debezium connector that reads a binary log there and back
// while rows are written to its table, and counts them by their primary key.
func TestDebeziumMariaDB(t *testing.T) {
	s := newStage(t)
	server, err := s.StartMariaDB(t.Context(), "moved")
	if errors.Is(err, lab.ErrNoMariaDB) {
		t.Skip("skipped, there is no MariaDB here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const table = "orders"
	name := labtest.Name(t)
	topic := lab.MariaDBTopic(name, table)
	if err := server.Grow(t.Context(), table, 100); err != nil {
		t.Fatal(err)
	}
	s.run(name, lab.MariaDBSource(server, s.Kafka("central"), name, table))
	s.reaches(topic, table, 200)

	refused := s.ferry(event.Refused, "move", name, "--set", "schema.history.internal.kafka.topic=another")
	if !says(refused, "without its history the copy cannot tell what the columns of a change are") {
		t.Error(refused.Message)
	}
	moved := s.ferry(event.Moved, "move", name)
	if moved.Proof.Kind != event.Hard || moved.Entries != 1 || !says(moved, "Debezium MySQL") {
		t.Errorf("%s proof, %d entries, checks %+v", moved.Proof.Kind, moved.Entries, moved.Checks)
	}
	t.Logf("moved: down for %d ms after %d ms of pausing", *moved.DowntimeMS, moved.PausingMS)
	s.reaches(topic, table, s.count(topic)[table].Last+100)
	rolled := s.ferry(event.RolledBack, "rollback", name)
	t.Logf("rolled back: down for %d ms after %d ms of pausing", *rolled.DowntimeMS, rolled.PausingMS)
	last, err := server.Hold(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	s.reaches(topic, table, last)
	tally := s.count(topic)
	if stream := tally[table]; len(tally) != 1 || stream.First != 0 || stream.Last != last || tally.Lost() != 0 || tally.Duplicated() != 0 {
		t.Errorf("of %d rows: %+v", last+1, tally)
	}
	t.Logf("%d rows, %d records, %d lost, %d duplicated", last+1, tally.Records(), tally.Lost(), tally.Duplicated())
}
