package hazard

import (
	"errors"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// captureRows are about a real Debezium connector and a real PostgreSQL.
func captureRows() []row {
	return []row{
		{
			name: "H13-debezium", hazard: "Debezium: slot, publication, slot.drop.on.stop", stage: capture,
			versions: lab.KafkaVersion + ", Debezium " + lab.DebeziumVersion("postgres"),
			how:      "PostgreSQL whose table grows all the time; moved",
			run: func(s *scene) verdict {
				if without := s.capture(nil); without != "" {
					return verdict{outcome: without}
				}
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H13-slot-drop", hazard: "Debezium: slot, publication, slot.drop.on.stop", stage: capture,
			versions: lab.KafkaVersion + ", Debezium " + lab.DebeziumVersion("postgres"),
			how:      "slot.drop.on.stop=true, so that the stop would drop the slot",
			run: func(s *scene) verdict {
				if without := s.capture(map[string]string{"slot.drop.on.stop": "true"}); without != "" {
					return verdict{outcome: without}
				}
				return s.refused(s.ferry("move", "--allow-duplicates"), "slot would be dropped")
			},
		},
	}
}

// capture starts a PostgreSQL and captures a table of it that grows. Without one
// on this machine it says so.
func (s *scene) capture(settings map[string]string) (without string) {
	s.Helper()
	table := strings.ReplaceAll(s.connector, "-", "_")
	server, err := s.lab.StartPostgres(s.Context(), table)
	if errors.Is(err, lab.ErrNoPostgres) {
		return "not brought about: there is no PostgreSQL on this machine"
	}
	if err != nil {
		s.Fatal(err)
	}
	if err := server.Grow(s.Context(), table, 100); err != nil {
		s.Fatal(err)
	}
	s.tasks, s.topic = 1, lab.DebeziumTopic(s.connector, table)
	s.beginAs(lab.With(lab.DebeziumSource(server, s.connector, table), settings))
	return ""
}
