package hazard

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

var (
	schedules = flag.Int("schedules", 0, "random schedules to run after the rows")
	seed      = flag.Uint64("seed", 0, "seed of the first of them, the others' follow; 0 takes one of chance")
)

// scheduleRows are random sequences of moves and rollbacks among faults. What a
// seed does is the same each time, but for the time that everything takes.
func scheduleRows() []row {
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano() % 1e6) // #nosec G115 -- any number will do
	}
	var rows []row
	for i := range uint64(*schedules) { // #nosec G115 -- a small number
		rows = append(rows, row{
			name: fmt.Sprintf("R-%d", first+i), hazard: fmt.Sprintf("random schedule, seed %d", first+i), how: "see below",
			run: func(s *scene) verdict { return (&schedule{scene: s, dice: rand.New(rand.NewPCG(first+i, 0))}).play() },
		})
	}
	return rows
}

type schedule struct {
	*scene
	dice  *rand.Rand
	story []string
}

func (s *schedule) tell(format string, arguments ...any) {
	s.story = append(s.story, fmt.Sprintf(format, arguments...))
}

func (s *schedule) chance(percent int) bool { return s.dice.IntN(100) < percent }

// play disturbs some commands and then asks for one side in peace.
func (s *schedule) play() verdict {
	s.Helper()
	s.Cleanup(func() { s.Log(strings.Join(s.story, "; ")) })
	// Connect's default producers duplicate by themselves when a broker dies.
	s.begin(map[string]string{"producer.override.enable.idempotence": "true"})
	if s.chance(30) {
		s.writeClusters(false)
		s.tell("REST only")
	}
	for range 2 + s.dice.IntN(2) {
		verb := []string{"move", "move", "rollback"}[s.dice.IntN(3)]
		s.disturbed(verb)
	}
	verb := []string{"move", "rollback"}[s.dice.IntN(2)]
	s.healed()
	got := s.ferry(verb)
	if got.code != 0 {
		s.Fatalf("in peace: %s: exit code %d: %s\n%s", verb, got.code, got.first().Message, got.stderr)
	}
	s.tell("%s in peace", verb)
	on, off := place{s.target, s.targetName}, place{s.origin, s.connector}
	if verb == "rollback" {
		on, off = off, on
	}
	s.runsOn(on.side, on.name)
	s.restsOn(off.side, off.name)
	found := s.counted("ends in peace on "+on.side.Name(), answer{})
	found.story = strings.Join(s.story, "; ")
	return found
}

// disturbed runs one command among faults.
func (s *schedule) disturbed(verb string) {
	s.Helper()
	from, to := s.origin, s.target
	if verb == "rollback" {
		from, to = to, from
	}
	// The network does its worst to any request, but it does not lose the answer of
	// a PATCH: that has rows of its own, and is waited out for 100 s.
	percent := []int{0, 0, 5, 15}[s.dice.IntN(4)]
	number := s.dice.Uint64()
	noise := lab.Both(
		lab.Sometimes(lab.Any, percent, number, lab.AnswerWith(409, lab.StaleConfiguration)),
		lab.Both(lab.Sometimes(lab.Any, percent, number+1, lab.AnswerWith(500, lab.RebalanceExpected)),
			lab.Sometimes(func(r *http.Request) bool { return !isPatch(r) }, percent, number+2, lab.LoseAnswer)))
	begins, event := s.event(from, to)
	kill, how := s.kill()
	story := verb
	if percent > 0 {
		story += fmt.Sprintf(" %d%% of all requests fail", percent)
	}
	for _, more := range []string{event, how} {
		if more != "" {
			story += ", " + more
		}
	}
	var victim *process
	ready := make(chan struct{})
	stop := func() {
		<-ready
		victim.kill()
	}
	all := noise
	if kill != nil {
		all = lab.Both(kill(stop), all)
	}
	from.through(all)
	to.through(all)
	if begins != nil {
		begins(all)
	}
	victim = s.launch(verb)
	close(ready)
	<-victim.done
	s.keep(victim)
	s.tell("%s: %d", story, victim.command.ProcessState.ExitCode())
	from.through(nil)
	to.through(nil)
	s.healed()
	s.pass(time.Duration(s.dice.IntN(1500)) * time.Millisecond)
}

// kill chooses whether and where the run is killed.
func (s *schedule) kill() (func(stop func()) lab.Intercept, string) {
	if s.chance(40) {
		return nil, ""
	}
	match, what, n := lab.Match(lab.Any), "request", 1+s.dice.IntN(40)
	if s.chance(60) {
		match, what, n = lab.Writes, "write", 1+s.dice.IntN(6)
	}
	if s.chance(50) {
		return func(stop func()) lab.Intercept {
			return lab.Nth(match, n, func(http.ResponseWriter, *http.Request, http.Handler) {
				stop()
				panic(http.ErrAbortHandler)
			})
		}, fmt.Sprintf("killed before %s %d", what, n)
	}
	return func(stop func()) lab.Intercept { return lab.Nth(match, n, lab.After(stop)) }, fmt.Sprintf("killed after %s %d", what, n)
}

// event chooses what else happens. A worker dies only while it runs no task of the
// connector, and a broker only while none runs anywhere: otherwise Connect itself
// would send again what it had not committed, moved or not.
func (s *schedule) event(from, to *side) (begins func(all lab.Intercept), what string) {
	cut := time.Duration(500+s.dice.IntN(5000)) * time.Millisecond
	worker := s.dice.IntN(*workers)
	switch s.dice.IntN(8) {
	case 0:
		return func(all lab.Intercept) {
			from.through(lab.Both(lab.Nth(isStop, 1, lab.After(func() { s.cutFor(from, cut) })), all))
		}, fmt.Sprintf("network to %s cut for %s at its stop", from.Name(), cut)
	case 1:
		return func(all lab.Intercept) {
			to.through(lab.Both(lab.Nth(isPatch, 1, lab.Before(func() { s.cutFor(to, cut) })), all))
		}, fmt.Sprintf("network to %s cut for %s at PATCH", to.Name(), cut)
	case 2:
		return func(all lab.Intercept) {
			to.through(lab.Both(lab.Nth(isPatch, 1, lab.Before(func() { s.bounceNow(to, worker) })), all))
		}, fmt.Sprintf("worker of %s killed at PATCH", to.Name())
	case 3:
		return func(all lab.Intercept) {
			from.through(lab.Both(lab.Since(isStop, lab.Nth(isOffsets, 2, lab.After(func() { s.bounceNow(from, worker) }))), all))
		}, fmt.Sprintf("worker of %s killed after its offsets were read", from.Name())
	case 4:
		return func(all lab.Intercept) {
			to.through(lab.Both(lab.Nth(isPatch, 1, lab.Before(func() { s.bounceBrokerAtRest(from, to) })), all))
		}, "broker killed at PATCH of the cutover"
	case 5:
		return func(all lab.Intercept) {
			to.through(lab.Both(lab.Nth(isPatch, 1, lab.Before(func() { s.pressQuietly(from) })), all))
		}, fmt.Sprintf("resume pressed on %s at PATCH", from.Name())
	}
	return nil, ""
}

// bounceNow kills a worker of which no task of the connector runs, and starts it
// again in the background. If its side runs the connector, it leaves it alone.
func (s *schedule) bounceNow(side *side, worker int) {
	if s.runsOnNow(side) {
		return
	}
	s.bounce(side, worker)
}

func (s *schedule) bounceBrokerAtRest(sides ...*side) {
	if !slices.ContainsFunc(sides, s.runsOnNow) {
		s.bounceBroker()
	}
}

func (s *schedule) runsOnNow(side *side) bool {
	now := running{}
	for _, m := range s.moments() {
		now.take(m)
	}
	number := 0
	if side == s.target {
		number = 1
	}
	return now.on(number)
}

// pressQuietly resumes a connector, if it is there.
func (s *schedule) pressQuietly(side *side) { _ = side.Client().Resume(s.Context(), s.connector) }

// healed makes everything run again.
func (s *schedule) healed() {
	s.Helper()
	for _, side := range []*side{s.origin, s.target} {
		side.mend()
		for i := range *workers {
			s.startWorker(side, i)
		}
	}
}
