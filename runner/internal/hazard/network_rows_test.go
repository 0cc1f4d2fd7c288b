package hazard

import (
	"net/http"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// networkRows are about what lies between ferry and the workers.
func networkRows() []row {
	return []row{
		{
			name: "H22-lagging", hazard: "load balancer sends reads to a lagging worker",
			how: "every second GET of a state, of tasks and of a config is answered as it was 2 s ago",
			run: func(s *scene) verdict {
				s.balanced()
				s.begin(nil)
				// Offsets a worker reads to the end of the topic before it answers.
				behind := func(r *http.Request) bool { return !isOffsets(r) }
				s.origin.through(lab.Lagging(behind, 2*time.Second))
				s.target.through(lab.Lagging(behind, 2*time.Second))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H22-lagging-all", hazard: "load balancer sends reads to a lagging worker",
			how: "every second GET of anything is answered as it was 2 s ago, offsets too",
			run: func(s *scene) verdict {
				s.balanced()
				s.begin(nil)
				s.flush()
				s.origin.through(lab.Lagging(lab.Any, 2*time.Second))
				s.target.through(lab.Lagging(lab.Any, 2*time.Second))
				return s.oneSide(s.ferry("move"))
			},
		},
		{
			name: "N-create-answer", hazard: "answer to POST lost", short: true,
			how: "proxy carries it out and drops the answer",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isCreate, 1, lab.LoseAnswer))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-patch-answer", hazard: "answer to PATCH lost", short: true,
			how: "proxy carries it out and drops the answer",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.LoseAnswer))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-stop-answer", hazard: "answers to pause and stop lost",
			how: "proxy carries them out and drops the answers",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Both(lab.Nth(isPause, 1, lab.LoseAnswer), lab.Nth(isStop, 1, lab.LoseAnswer)))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-conflicts", hazard: "storm of 409 stale configuration", short: true,
			how: "half of all requests to both clusters are answered 409",
			run: func(s *scene) verdict {
				s.begin(nil)
				storm := lab.AnswerWith(409, lab.StaleConfiguration)
				s.origin.through(lab.Sometimes(lab.Any, 50, 1, storm))
				s.target.through(lab.Sometimes(lab.Any, 50, 1, storm))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-rebalances", hazard: "storm of 500 a rebalance is expected",
			how: "half of all requests to both clusters are answered 500",
			run: func(s *scene) verdict {
				s.begin(nil)
				storm := lab.AnswerWith(500, lab.RebalanceExpected)
				s.origin.through(lab.Sometimes(lab.Any, 50, 1, storm))
				s.target.through(lab.Sometimes(lab.Any, 50, 1, storm))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-origin-cut", hazard: "network to the origin cut", short: true,
			how: "for 5 s, when its stop was carried out",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() { s.cutFor(s.origin, 5*time.Second) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-target-cut", hazard: "network to the target cut",
			how: "for 5 s, before PATCH",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.Before(func() { s.cutFor(s.target, 5*time.Second) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "N-target-cut-long", hazard: "network to the target cut for long", waits: true,
			how: "for 70 s, when the origin's stop was carried out",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() { s.cutFor(s.target, 70*time.Second) })))
				return s.putBack(s.ferry("move"), 1, event.Failed, "is on global as before")
			},
		},
		{
			name: "N-both-cut", hazard: "network to both clusters cut",
			how: "for 15 s, when the origin's stop was carried out",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() {
					s.cutFor(s.origin, 15*time.Second)
					s.cutFor(s.target, 15*time.Second)
				})))
				return s.moved(s.ferry("move"))
			},
		},
	}
}
