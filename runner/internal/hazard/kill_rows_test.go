package hazard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// killRows are about processes that die: ferry, workers, brokers.
func killRows() []row {
	return []row{
		{
			name: "K-some-writes", hazard: "ferry killed (SIGKILL), then run again", short: true,
			how: "before or after a write of chance, once in a move and once in a rollback",
			run: func(s *scene) verdict {
				s.begin(nil)
				for _, verb := range []string{"move", "rollback"} {
					s.flows(20)
					at, after := 1+rand.IntN(4), rand.IntN(2) == 0
					s.killedAt(verb, at, after)
				}
				return s.counted("moved, rolled back", answer{})
			},
		},
		{
			name: "K-every-write", hazard: "ferry killed (SIGKILL), then run again",
			how: "before and after every write of a move and of a rollback",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				kills := 0
				for n, more := 1, true; more; n++ {
					more = false
					for _, after := range []bool{false, true} {
						for _, verb := range []string{"move", "rollback"} {
							s.flows(10)
							if s.killedAt(verb, n, after) {
								kills++
								more = true
							}
						}
					}
				}
				return s.counted(fmt.Sprintf("moved and rolled back, %d kills", kills), answer{})
			},
		},
		{
			name: "K-origin-worker", hazard: "worker of the origin killed",
			how: "between stop and PATCH, started again at once",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.Before(func() { s.bounce(s.origin, 0) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "K-target-worker", hazard: "worker of the target killed",
			how: "between stop and PATCH, started again at once",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() { s.bounce(s.target, 0) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "K-target-gone", hazard: "the target dies for good",
			how: "its workers are killed between stop and PATCH",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() {
					for i := range *workers {
						s.killWorker(s.target, i)
					}
				})))
				got := s.ferry("move")
				s.runsOn(s.origin, s.connector)
				for i := range *workers {
					s.startWorker(s.target, i)
				}
				return s.putBack(got, 1, event.Failed, "is on global as before")
			},
		},
		{
			name: "K-origin-leader", hazard: "leader of the origin killed", both: true,
			how: "between stop and PATCH, started again 10 s later",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.Before(func() { s.killLeader(s.origin) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "K-target-leader", hazard: "leader of the target killed", both: true,
			how: "between stop and PATCH, started again 10 s later",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.origin.through(lab.Nth(isStop, 1, lab.After(func() { s.killLeader(s.target) })))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "K-kestra-worker", hazard: "Kestra worker killed in the middle of a task",
			how: "the task resubmitted to another worker", cannot: "no Kestra engine runs here; runner/internal/kestratest kills executions",
		},
		{
			name: "K-broker", hazard: "the Kafka broker killed and started again",
			how: "between stop and PATCH",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.target.through(lab.Nth(isPatch, 1, lab.Before(s.bounceBroker)))
				return s.moved(s.ferry("move"))
			},
		},
	}
}

// killedAt kills a run before or after its n-th write, on whatever side, and
// runs it again to its end. It returns false if the run had fewer writes.
func (s *scene) killedAt(verb string, n int, after bool) (killed bool) {
	s.Helper()
	ready := make(chan struct{})
	var victim *process
	var once sync.Once
	kill := func() {
		<-ready
		once.Do(func() {
			killed = true
			victim.kill()
		})
	}
	fault := lab.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !after {
			kill()
			panic(http.ErrAbortHandler)
		}
		lab.After(kill)(w, r, next)
	})
	intercept := lab.Nth(lab.Writes, n, fault)
	s.origin.through(intercept)
	s.target.through(intercept)
	victim = s.launch(verb)
	close(ready)
	<-victim.done
	s.keep(victim)
	s.origin.through(nil)
	s.target.through(nil)
	again := s.ferry(verb)
	if again.code != 0 {
		s.Fatalf("%s, killed at write %d (after it: %v), then exit code %d: %s\n%s\n%s", verb, n, after, again.code, again.first().Message,
			victim.stderr.String(), again.stderr)
	}
	s.Logf("%s killed at write %d (after it: %v): %v, then %s", verb, n, after, killed, again.first().Message)
	on, off := place{s.target, s.targetName}, place{s.origin, s.connector}
	if verb == "rollback" {
		on, off = off, on
	}
	s.runsOn(on.side, on.name)
	s.restsOn(off.side, off.name)
	return killed
}

// bounce kills a worker and starts it again, in the background.
func (s *scene) bounce(side *side, worker int) {
	s.killWorker(side, worker)
	s.later(func() { s.startWorker(side, worker) })
}

// later does something in the background and makes the row wait for it.
func (s *scene) later(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	s.Cleanup(func() { <-done })
}

func (s *scene) bounceBroker() {
	kafka := s.origin.Kafka()
	if err := kafka.Kill(); err != nil {
		s.Error(err)
		return
	}
	if err := kafka.Start(context.WithoutCancel(s.Context())); err != nil {
		s.Error(err)
	}
}

// killLeader kills the worker that leads its cluster, and starts it again later.
func (s *scene) killLeader(side *side) {
	leader, err := side.Leader()
	if err != nil {
		s.Error(err)
		return
	}
	s.killWorker(side, leader)
	s.later(func() {
		if err := wait.For(context.WithoutCancel(s.Context()), 10*time.Second); err != nil {
			s.Error(err)
		}
		s.startWorker(side, leader)
	})
}
