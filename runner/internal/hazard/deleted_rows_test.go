package hazard

import (
	"regexp"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// deletedRows are about connectors that somebody deletes in the middle. What ferry then
// advises is carried out.
func deletedRows() []row {
	return []row{
		{
			name: "D-origin-before-stop", hazard: "somebody deletes the origin in the middle", short: true,
			how: "deleted just before the stop; the advice, then ferry move",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.origin) })))
				s.followAdvice(s.ferry("move"))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "D-origin-before-stop-back", hazard: "somebody deletes the origin in the middle",
			how: "deleted just before the stop; the advice, then ferry rollback",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.origin) })))
				s.followAdvice(s.ferry("move"))
				s.want(s.ferry("rollback"), 0, event.PutBack)
				s.runsOn(s.origin, s.connector)
				return s.counted("down with advice, then put back", answer{})
			},
		},
		{
			name: "D-origin-after-copy", hazard: "somebody deletes the origin in the middle",
			how: "deleted just before the copy is resumed: its offsets are copied, so the move goes on",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isResume, 1, lab.Before(func() { s.delete(s.origin) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "D-copy-before-copy", hazard: "somebody deletes the copy in the middle", short: true,
			how: "deleted just before the offsets are written: the origin runs on",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				s.target.through(lab.Nth(isPatch, 2, lab.Before(func() { s.delete(s.target) })))
				return s.putBack(s.ferry("move"), 1, event.Failed, "is on global as before")
			},
		},
		{
			name: "D-copy-before-start", hazard: "somebody deletes the copy in the middle",
			how: "deleted just before it is resumed; the advice, then ferry start",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isResume, 1, lab.Before(func() { s.delete(s.target) })))
				s.followAdvice(s.ferry("move"))
				s.want(s.launchAs("start", "--cluster", "europe", "--connector", s.connector).wait(), 0, event.Started)
				s.runsOn(s.target, s.connector)
				return s.counted("down with advice, then started", answer{})
			},
		},
		{
			name: "D-target-in-rollback", hazard: "somebody deletes the copy in the middle",
			how: "deleted just before a rollback stops it; the advice, then ferry rollback",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(50)
				s.target.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.target) })))
				s.followAdvice(s.ferry("rollback"))
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "D-origin-in-rollback", hazard: "somebody deletes the origin in the middle",
			how: "deleted just before a rollback resumes it; the advice, then ferry start",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(50)
				s.origin.through(lab.Nth(isResume, 1, lab.Before(func() { s.delete(s.origin) })))
				s.followAdvice(s.ferry("rollback"))
				s.want(s.launchAs("start", "--cluster", "global", "--connector", s.connector).wait(), 0, event.Started)
				s.runsOn(s.origin, s.connector)
				return s.counted("down with advice, then started", answer{})
			},
		},
		{
			name: "D-renamed", hazard: "somebody deletes the origin in the middle",
			how: "the copy has another name; deleted just before the stop; the advice, then ferry move",
			run: func(s *scene) verdict {
				s.targetName = s.connector + "-new"
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.origin) })))
				s.followAdvice(s.ferry("move"))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "D-sink", hazard: "somebody deletes the origin in the middle",
			how: "a sink, deleted just before the stop; the advice, then ferry move; both share the group",
			run: func(s *scene) verdict { return s.sinkDeleted() },
		},
		{
			name: "D-sink-renamed", hazard: "somebody deletes the origin in the middle",
			how: "a sink under another name, deleted just before the stop; the advice, then ferry move",
			run: func(s *scene) verdict {
				s.targetName = s.connector + "-new"
				return s.sinkDeleted()
			},
		},
		{
			name: "D-rehearsed", hazard: "a copy with the offsets of a rehearsal is started by hand",
			how: "the origin is deleted before the stop, then ferry start of the copy",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				s.flows(50)
				s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.origin) })))
				s.want(s.ferry("move"), 16, event.Down)
				got := s.launchAs("start", "--cluster", "europe", "--connector", s.connector).wait()
				s.want(got, 10, event.Refused)
				s.says(got, "does not have the final offsets of its origin")
				status := s.ferry("status")
				s.followAdvice(status)
				return s.moved(s.ferry("move"))
			},
		},
	}
}

// sinkDeleted deletes a sink just before the stop, carries out the advice and moves it.
func (s *scene) sinkDeleted() verdict {
	s.Helper()
	counted := s.beginSink()
	s.origin.through(lab.Nth(isStop, 1, lab.Before(func() { s.delete(s.origin) })))
	s.followAdvice(s.ferry("move"))
	got := s.ferry("move")
	s.want(got, 0, event.Moved)
	return counted("down with advice, then moved", got)
}

func (s *scene) delete(side *side) {
	s.Helper()
	if err := side.Client().RetryFor(patience).Delete(s.Context(), s.connector); err != nil && !connect.IsNotFound(err) {
		s.Error(err)
	}
}

var recreation = regexp.MustCompile("`ferry (create-stopped [^`]*)`")

// followAdvice wants a result that is down, and runs the command that brings the connector
// back.
func (s *scene) followAdvice(got answer) {
	s.Helper()
	s.want(got, 16, event.Down)
	s.origin.through(nil)
	s.target.through(nil)
	found := recreation.FindStringSubmatch(got.first().Instructions)
	if found == nil {
		s.Fatalf("%q advises nothing", got.first().Instructions)
	}
	s.want(s.launchAs(strings.Fields(found[1])...).wait(), 0, event.Created)
}
