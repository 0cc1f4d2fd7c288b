package hazard

import (
	"context"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// interlockRows are about what could make both copies run.
func interlockRows() []row {
	return []row{
		{
			name: "H5-resume-pressed", hazard: "somebody resumes the origin in the middle", short: true,
			how: "PUT resume to the origin while the offsets are copied",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.Before(func() { s.press(s.origin) })))
				return s.putBack(s.ferry("move"), 1, event.Failed, "started the connector on global")
			},
		},
		{
			name: "H5-resume-before-start", hazard: "somebody resumes the origin at the last moment",
			how: "PUT resume to the origin while the last look at it is answered",
			run: func(s *scene) verdict {
				s.begin(nil)
				// Quiesce, then two equal reads; the third is the interlock's.
				s.origin.through(lab.Since(isStop, lab.Nth(isOffsets, 3, lab.Before(func() { s.press(s.origin) }))))
				got := s.ferry("move")
				return s.oneSide(got)
			},
		},
		{
			name: "H5-reconciler", hazard: "a reconciler keeps resuming the origin",
			how: "PUT resume to the origin every 200 ms",
			run: func(s *scene) verdict {
				s.begin(nil)
				ctx, cancel := context.WithCancel(s.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					client := s.origin.Client()
					for wait.For(ctx, 200*time.Millisecond) == nil {
						_ = client.Resume(ctx, s.connector) // again soon
					}
				}()
				got := s.ferry("move", "--timeout", "15s")
				cancel()
				<-done
				if got.code == 0 {
					s.Errorf("moved under a reconciler: %s", got.first().Message)
				}
				s.Logf("exit code %d: %s", got.code, got.first().Message)
				s.runsOn(s.origin, s.connector)
				s.restsOn(s.target, s.targetName)
				return s.counted("put back: "+string(got.first().Outcome), answer{})
			},
		},
		{
			name: "H5-start-pressed", hazard: "somebody starts the copy in the middle",
			how: "PUT resume to the prepared copy when the origin is asked to pause",
			run: func(s *scene) verdict {
				s.doubles = true // what somebody starts beside a running origin doubles, by their own hand
				s.begin(nil)
				return s.startPressed()
			},
		},
		{
			name: "H6-resume-answer", hazard: "answer to the target's resume lost", short: true,
			how: "proxy carries PUT resume out and drops the answer",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isResume, 1, lab.LoseAnswer))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H6-target-unseen", hazard: "target out of sight right after its resume",
			how: "network to the target cut for 10 s when PUT resume was carried out",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isResume, 1, lab.After(func() { s.cutFor(s.target, 10*time.Second) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-two-runs", hazard: "two runs on one connector at once",
			how: "two ferry processes started in the same moment",
			run: func(s *scene) verdict {
				s.begin(nil)
				first, second := s.launch("move"), s.launch("move")
				one, two := first.wait(), second.wait()
				s.Logf("%d %s\n%d %s", one.code, one.first().Message, two.code, two.first().Message)
				return s.oneSide(one)
			},
		},
		{
			name: "N-move-and-rollback", hazard: "a move and a rollback at once",
			how: "two ferry processes started in the same moment",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(50)
				back, again := s.launch("rollback"), s.launch("move")
				one, two := back.wait(), again.wait()
				s.Logf("%d %s\n%d %s", one.code, one.first().Message, two.code, two.first().Message)
				return s.oneSide(one)
			},
		},
	}
}

// press resumes a connector as somebody would: straight at the worker, not
// waiting for it.
func (s *scene) press(side *side) {
	name := s.connector
	if side == s.target {
		name = s.targetName
	}
	if err := side.Client().RetryFor(patience).Resume(s.Context(), name); err != nil {
		s.Errorf("resume by hand: %v", err)
	}
}

func (s *scene) cutFor(side *side, d time.Duration) {
	side.cut()
	time.AfterFunc(d, side.mend)
}

// oneSide wants the connector to run on one side only, wherever that is, asks
// ferry to move it if it rests on both, and counts.
func (s *scene) oneSide(got answer) verdict {
	s.Helper()
	origin, target := s.state(s.origin, s.connector), s.state(s.target, s.targetName)
	outcome := "moved"
	switch {
	case origin == connect.Stopped && target == connect.Running:
		s.runsOn(s.target, s.targetName)
	case origin == connect.Running && target != connect.Running:
		outcome = "put back: " + string(got.first().Outcome)
		s.runsOn(s.origin, s.connector)
	case origin == connect.Stopped && target == connect.Stopped:
		outcome = "stopped on both, moved by the next run"
		s.want(s.ferry("move"), 0, event.Moved)
	default:
		s.Fatalf("%s on %s, %s on %s\n%s", origin, s.origin.Name(), target, s.target.Name(), got.stderr)
	}
	return s.counted(outcome, got)
}

// startPressed presses resume on the copy while the origin runs. Then both run,
// by somebody's hand: ferry has to see it, say so, and start nothing more.
func (s *scene) startPressed() verdict {
	s.Helper()
	s.byHand = true
	s.origin.through(lab.Nth(isPause, 1, lab.Before(func() {
		s.press(s.target)
		s.awaitState(s.target, s.targetName, connect.Running)
	})))
	got := s.ferry("move")
	if got.code == 0 {
		s.Errorf("ferry says all is well: %s", got.first().Message)
	}
	s.Logf("exit code %d: %s", got.code, got.first().Message)
	found := s.counted("said: "+string(got.first().Outcome)+" (both were made to run by hand)", answer{})
	if found.lost != 0 {
		s.Errorf("%d lost", found.lost)
	}
	return found
}
