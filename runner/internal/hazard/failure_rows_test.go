package hazard

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// failureRows are about copies that do not run.
func failureRows() []row {
	return []row{
		{
			name: "H17-fails-at-start", hazard: "the copy's tasks fail at their start", short: true,
			how: "a setting makes the copy's tasks throw in start()",
			run: func(s *scene) verdict {
				s.begin(nil)
				return s.rolledBack(s.ferry("move", "--set", "fail.on.start=true"), 12)
			},
		},
		{
			name: "H17-fails-later", hazard: "the copy fails after it has sent records",
			how: "the copy's tasks throw after 60 records each",
			run: func(s *scene) verdict {
				s.begin(nil)
				return s.rolledBack(s.ferry("move", "--set", "fail.after=60"), 12)
			},
		},
		{
			name: "H17-refused", hazard: "the target refuses the config",
			how: "a setting that the connector's validation refuses",
			run: func(s *scene) verdict {
				s.begin(nil)
				return s.refused(s.ferry("move", "--set", "refuse.value=x"), "europe refuses the config")
			},
		},
		{
			name: "H13-one-reader", hazard: "a source that takes one reader, as a database's slot does",
			how: "each task locks a file while it lives and fails without",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"exclusive.lock": s.TempDir() + "/slot"})
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(50)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
	}
}
