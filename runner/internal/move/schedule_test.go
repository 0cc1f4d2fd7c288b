package move

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

var (
	schedules = flag.Int("schedules", 0, "number of random schedules, from that of -seed on; 0: 200, or with -seed only that one")
	seed      = flag.Uint64("seed", 0, "seed of the first random schedule; 0: 1")
)

// TestRandomSchedules throws random sequences of moves and rollbacks at a
// connector, with kills, interrupts, lost answers, conflicts and lagging workers,
// and then asks for one side in peace: it ends there, in the state it had, with
// nothing lost and nothing twice, and the copies never ran at once.
//
// Each is named by its seed, the first 200 are those of every run. One of them
// alone: go test -run TestRandomSchedules -args -seed N; new ones: -seed N -schedules M
func TestRandomSchedules(t *testing.T) {
	first, count := max(1, *seed), *schedules
	switch {
	case count > 0:
	case *seed != 0:
		count = 1
	case testing.Short():
		count = 20
	default:
		count = 200
	}
	for offset := range uint64(count) { // #nosec G115 -- a small number
		t.Run(strconv.FormatUint(first+offset, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// #nosec G404 -- to be repeatable
				(&schedule{dice: rand.New(rand.NewPCG(first+offset, 0)), kind: rand.New(rand.NewPCG(first+offset, 1))}).play(t)
			})
		})
	}
}

type schedule struct {
	*world
	mu    sync.Mutex // guards dice while a command runs
	dice  *rand.Rand
	kind  *rand.Rand // of clusters and connectors
	story []string
}

func (s *schedule) tell(format string, arguments ...any) {
	s.story = append(s.story, fmt.Sprintf(format, arguments...))
}

func (s *schedule) chance(percent int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dice.IntN(100) < percent
}

func (s *schedule) play(t *testing.T) {
	hard := s.chance(50)
	origin, target := s.workers(), s.workers()
	config := pairtest.SlowSource()
	versions := [2]string{"4.3.1", "4.3.1"}
	switch s.kind.IntN(6) {
	case 0:
		versions = [2]string{s.version(), s.version()}
		hard = true
	case 1:
		config = config.With("key.order", rawjson.String("linked"))
		hard = true
	case 2:
		origin, target = append(origin, connecttest.WithOffsetsTopic("offsets")), append(target, connecttest.WithOffsetsTopic("offsets"))
	}
	s.world = newWorldOf(t, hard, append(origin, connecttest.WithVersion(versions[0])), append(target, connecttest.WithVersion(versions[1])))
	s.AtLeastOnce = versions[1] < "3.3"
	s.Line.Spread = s.chance(30)
	if s.chance(30) {
		config = config.With("poll.block.ms", rawjson.String(strconv.Itoa(s.dice.IntN(3000))))
	}
	s.Run(config)
	state := []connect.State{connect.Running, connect.Running, connect.Paused, connect.Stopped}[s.dice.IntN(4)]
	if state == connect.Stopped && slices.ContainsFunc(versions[:], func(version string) bool { return version < "3.5" }) {
		state = connect.Paused
	}
	s.rest(s.Global, state)
	s.tell("%v hard=%v spread=%v %s %s", versions, s.Hard, s.Line.Spread, state, config.Value())
	for range 1 + s.dice.IntN(4) {
		s.disturbed()
		s.Pass(time.Duration(s.dice.IntN(60_000)) * time.Millisecond)
	}
	t.Cleanup(func() { t.Log(strings.Join(s.story, "\n")) }) // shown of a schedule that fails
	s.inPeace(state)
}

func (s *schedule) version() string {
	return []string{"2.8.2", "3.4.1", "3.6.2", "4.3.1"}[s.kind.IntN(4)]
}

// workers is one worker, or two of which one may lag.
func (s *schedule) workers() []connecttest.Option {
	options := []connecttest.Option{connecttest.WithWorkers(2)}
	if s.kind.IntN(2) == 0 {
		options = append(options, connecttest.WithLateStatus())
	}
	if s.chance(30) {
		options = append(options, connecttest.WithLag(s.dice.IntN(2), time.Duration(s.dice.IntN(2000))*time.Millisecond))
	}
	return options
}

// disturbed runs one command among faults, and maybe kills or interrupts it.
func (s *schedule) disturbed() {
	ctx, cancel := context.WithCancelCause(s.T.Context())
	defer cancel(nil)
	at := 1 + s.dice.IntN(60)
	how := "to its end"
	switch s.dice.IntN(4) {
	case 0:
		s.Line.Cut(at, true)
		how = fmt.Sprintf("killed after request %d", at)
	case 1:
		s.Line.Cut(at, false)
		how = fmt.Sprintf("killed before request %d", at)
	case 2:
		s.Line.Cut(at, false)
		s.Line.OnCut = func() { cancel(event.ErrInterrupted) }
		how = fmt.Sprintf("interrupted at request %d", at)
	}
	percent := []int{0, 0, 5, 20}[s.dice.IntN(4)]
	s.disturb(percent)
	command, do := "move", s.mover().Move
	if s.dice.IntN(2) == 0 {
		command, do = "rollback", s.mover().Rollback
	}
	result := do(ctx, s.Request())
	s.tell("%s %s, %d%% faults: %s: %s", command, how, percent, result.Outcome, result.Message)
	s.Line.Cut(0, false)
	s.calm()
	if strings.Contains(result.Message, "\n") {
		s.T.Errorf("message of several lines: %q", result.Message)
	}
}

// disturb lets that many of a hundred requests fail in a random way.
func (s *schedule) disturb(percent int) {
	if percent == 0 {
		return
	}
	names := []string{"answer lost", "request lost", "409", "500", "carried out, 500"}
	for _, cluster := range []*connecttest.Cluster{s.Global, s.Europe} {
		cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !s.chance(percent) {
				next.ServeHTTP(w, r)
				return
			}
			s.mu.Lock()
			fault := faults[names[s.dice.IntN(len(names))]]
			s.mu.Unlock()
			fault(w, r, next)
		})
	}
}

// inPeace asks for one side, without faults, as often as the answers say, and counts.
func (s *schedule) inPeace(state connect.State) {
	command, do, owner := "move", s.move, s.Europe
	if s.dice.IntN(2) == 0 {
		command, do, owner = "rollback", s.rollback, s.Global
	}
	s.Pass(5 * time.Second) // what a lagging worker lags
	result := do()
	s.tell("%s: %s: %s", command, result.Outcome, result.Message)
	if result.Outcome == event.Refused && command == "move" {
		result = s.rollback()
		s.tell("rollback: %s: %s", result.Outcome, result.Message)
		s.Pass(5 * time.Second)
		result = do()
		s.tell("%s: %s: %s", command, result.Outcome, result.Message)
	}
	switch result.Outcome {
	case event.Moved, event.Unchanged, event.RolledBack, event.PutBack:
	default:
		s.T.Errorf("%s in peace: %s: %s", command, result.Outcome, result.Message)
	}
	s.Await(owner, state)
	other := map[*connecttest.Cluster]*connecttest.Cluster{s.Global: s.Europe, s.Europe: s.Global}[owner]
	if left := s.State(other); left != "" && left != connect.Stopped && left != connect.Paused && left != connect.Unassigned {
		s.T.Errorf("%s on %s too", left, other.Name())
	}
	if state != connect.Running {
		if err := owner.Client().Resume(s.T.Context(), s.Name); err != nil {
			s.T.Fatal(err)
		}
	}
	s.Exact()
}
