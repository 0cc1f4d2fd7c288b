package hazard

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// upgradeRows are about what later versions of Kafka are stricter about. What is refused is
// refused before anything stops.
func upgradeRows() []row {
	between := func(r row) row {
		r.stage, r.from, r.to, r.versions = upgrade, "before", "after", "3.6.2 > "+lab.KafkaVersion
		return r
	}
	return []row{
		between(row{
			name: "V-overrides", hazard: "the target's policy forbids a client override of the config (KIP-1188)",
			how: "the target allows by list, and batch.size is not in it",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"producer.override.batch.size": "20000"})
				return s.refused(s.ferry("move"), "after refuses the config: producer.override.batch.size: ")
			},
		}),
		between(row{
			name: "V-overrides-allowed", hazard: "the target's policy forbids a client override of the config (KIP-1188)",
			how: "the target allows by list, and linger.ms is in it",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"producer.override.linger.ms": "20"})
				return s.moved(s.ferry("move"))
			},
		}),
		between(row{
			name: "V-lists", hazard: "the target takes lists more strictly (KIP-1161)",
			how: "a sink that names its topic twice",
			run: func(s *scene) verdict {
				counted := s.beginSinkWith(map[string]string{"topics": s.topic + "," + s.topic})
				got := s.ferry("move")
				s.want(got, 10, event.Refused)
				s.says(got, "after refuses the config: topics: Configuration 'topics' values must not be duplicated.")
				s.runsOn(s.origin, s.connector)
				return counted("refused: values must not be duplicated", answer{})
			},
		}),
		between(row{
			name: "V-exactly-once", hazard: "the epoch of a producer goes up with each transaction (KIP-890)",
			how: "exactly-once source, moved to later workers and taken back",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(100)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		}),
		between(row{
			name: "V-group-protocol", hazard: "a sink whose group uses the new protocol (KIP-848)",
			how: "group.protocol=consumer on both, moved to later workers and taken back, under traffic",
			run: func(s *scene) verdict {
				counted := s.beginSinkWith(map[string]string{"consumer.override.group.protocol": "consumer"})
				s.want(s.ferry("move"), 0, event.Moved)
				s.pass(2 * time.Second)
				got := s.ferry("rollback")
				s.want(got, 0, event.RolledBack)
				return counted("rolled back", got)
			},
		}),
	}
}
