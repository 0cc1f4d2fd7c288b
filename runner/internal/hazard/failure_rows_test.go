package hazard

import (
	"net/http"
	"os"
	"path/filepath"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
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
			name: "H17-cannot-start-again", hazard: "tasks that run and cannot start again", short: true,
			how: "a file makes them throw in start(), and the target does not take the offsets",
			run: func(s *scene) verdict {
				file := filepath.Join(s.TempDir(), "fail")
				s.begin(map[string]string{"fail.with.file": file})
				s.write(file)
				s.target.through(s.refuseCopy)
				s.down(s.ferry("move"), "it was not put back")
				s.down(s.ferry("status"), "RUNNING with 2 tasks, 2 FAILED on global")
				s.down(s.ferry("rollback"), "put back on global")
				s.down(s.launchAs("start", "--cluster", "global", "--connector", s.connector).wait(), "start on global")
				if err := os.Remove(file); err != nil {
					s.Fatal(err)
				}
				s.target.through(nil)
				s.want(s.ferry("rollback"), 0, event.PutBack)
				s.runsOn(s.origin, s.connector)
				return s.counted("down, exit code 16, until the cause is gone; then put back", answer{})
			},
		},
		{
			name: "H17-rolled-back-and-down", hazard: "tasks that run and cannot start again",
			how: "a file makes the tasks throw in start() after the move, then a rollback",
			run: func(s *scene) verdict {
				file := filepath.Join(s.TempDir(), "fail")
				s.begin(map[string]string{"fail.with.file": file})
				s.want(s.ferry("move", "--unset", "fail.with.file"), 0, event.Moved)
				s.flows(50)
				s.write(file)
				s.down(s.ferry("rollback"), "does not run on global")
				s.down(s.ferry("status"), "RUNNING with 2 tasks, 2 FAILED on global")
				if err := os.Remove(file); err != nil {
					s.Fatal(err)
				}
				s.want(s.ferry("rollback"), 0, event.PutBack)
				s.runsOn(s.origin, s.connector)
				return s.counted("down, exit code 16, until the cause is gone; then rolled back", answer{})
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

// refuseCopy answers each write of offsets with an error while the origin stands still.
func (s *scene) refuseCopy(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if isPatch(r) && s.state(s.origin, s.connector) == connect.Stopped {
		lab.AnswerWith(http.StatusInternalServerError, "disk full")(w, r, next)
		return
	}
	next.ServeHTTP(w, r)
}

func (s *scene) write(file string) {
	s.Helper()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		s.Fatal(err)
	}
}

// down wants a result that says that the connector is down, and which tasks failed.
func (s *scene) down(got answer, because string) {
	s.Helper()
	s.want(got, 16, event.Down)
	s.says(got, because)
	s.says(got, "tasks 0, 1 FAILED: org.apache.kafka.connect.errors.ConnectException: told to fail")
}
