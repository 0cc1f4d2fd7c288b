package hazard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// moved wants that a move came to its end, and counts.
func (s *scene) moved(got answer) verdict {
	s.Helper()
	s.want(got, 0, event.Moved)
	s.runsOn(s.target, s.targetName)
	s.restsOn(s.origin, s.connector)
	return s.counted("moved", got)
}

// rolledBack wants that a move was taken back with the copy's progress, or that a
// rollback came to its end, and counts.
func (s *scene) rolledBack(got answer, code int) verdict {
	s.Helper()
	s.want(got, code, event.RolledBack)
	s.wentTo = true
	s.runsOn(s.origin, s.connector)
	s.restsOn(s.target, s.targetName)
	return s.counted("rolled back", got)
}

// putBack wants that a move failed in this way and the origin runs as before.
func (s *scene) putBack(got answer, code int, outcome event.Outcome, because string) verdict {
	s.Helper()
	s.want(got, code, outcome)
	s.says(got, because)
	s.runsOn(s.origin, s.connector)
	s.restsOn(s.target, s.targetName)
	return s.counted("put back: "+because, answer{})
}

// refused wants that nothing was touched, and that the reason has these words.
func (s *scene) refused(got answer, because string) verdict {
	s.Helper()
	s.want(got, 10, event.Refused)
	s.says(got, because)
	s.runsOn(s.origin, s.connector)
	s.restsOn(s.target, s.targetName)
	found := s.counted("refused: "+because, answer{})
	for _, moment := range s.moments() {
		if moment.side == 0 && moment.at.After(s.begun) && moment.at.Before(s.ended) && moment.state != connect.Running {
			s.Errorf("the origin was touched: %s", moment)
		}
	}
	return found
}

// says wants words in what ferry said of the connector or of the command.
func (s *scene) says(got answer, words string) {
	s.Helper()
	if !strings.Contains(got.first().Message, words) && !strings.Contains(got.result.Message, words) {
		s.Errorf("%q does not say %q", got.first().Message, words)
	}
}

// runsOn wants a connector to run with all its tasks.
func (s *scene) runsOn(side *side, connector string) { s.Helper(); s.awaitRunning(side, connector) }

// restsOn wants a connector to be stopped without tasks, or not to be there. For a
// moment it may be neither: a stopped one is UNASSIGNED while its config is put.
func (s *scene) restsOn(side *side, connector string) {
	s.Helper()
	err := wait.Until(s.Context(), connector+" to rest on "+side.Name(), patience, func(context.Context) (bool, string, error) {
		status, exists := s.status(side, connector)
		// Workers before 3.5 know no STOPPED; there a connector rests when it is paused.
		paused := strings.HasPrefix(side.Name(), "v") && status.Connector.State == connect.Paused && (len(status.Tasks) == 0 || status.AllTasks(connect.Paused))
		stopped := status.Connector.State == connect.Stopped && len(status.Tasks) == 0
		said := fmt.Sprintf("%s with %d tasks", status.Connector.State, len(status.Tasks))
		if exists && !paused && !stopped && status.Connector.State != connect.Unassigned {
			return false, "", errors.New(said)
		}
		return !exists || paused || stopped, said, nil
	})
	if err != nil {
		s.Errorf("%s on %s: %v", connector, side.Name(), err)
	}
}

// counted lets records flow, stops everything, and counts every record.
func (s *scene) counted(outcome string, got answer) verdict {
	s.Helper()
	s.flows(20)
	return s.countedNow(outcome, got)
}

// countedNow is counted for a connector that does not run any more.
func (s *scene) countedNow(outcome string, got answer) verdict {
	s.Helper()
	s.end()
	found := verdict{outcome: outcome, counted: true}
	if proof := got.first().Proof; proof != nil {
		found.proof = string(proof.Kind)
	}
	found.lost, found.duplicated = s.count(s.topic)
	if !s.doubles && (found.lost != 0 || found.duplicated != 0) {
		s.Errorf("%d lost, %d duplicated\n%s", found.lost, found.duplicated, got.stderr)
	}
	return found
}

// count counts a topic. What is missing at the start of a stream is lost too.
func (s *scene) count(topic string) (lost, duplicated int64) {
	s.Helper()
	tally, err := lab.Count(s.Context(), s.origin.Kafka().Bootstrap(), topic)
	if err != nil {
		s.Fatal(err)
	}
	for _, stream := range tally {
		lost += stream.First
	}
	s.Logf("%s: %d records", topic, tally.Records())
	return lost + tally.Lost(), tally.Duplicated()
}

// end stops the connector everywhere.
func (s *scene) end() {
	s.Helper()
	if !s.ended.IsZero() {
		return
	}
	s.ended = time.Now()
	for _, at := range []struct {
		side *side
		name string
	}{{s.origin, s.connector}, {s.target, s.targetName}} {
		if s.state(at.side, at.name) != "" {
			s.stop(at.side, at.name)
		}
	}
}

// always asserts what must hold of every row.
func (s *scene) always(found *verdict) {
	s.Helper()
	if s.ended.IsZero() {
		s.ended = time.Now()
	}
	moments := s.moments()
	if found.counted {
		found.down = max(s.longest, standstill(moments, s.begun, s.ended))
	}
	if s.byHand {
		return
	}
	for _, both := range interlock(moments) {
		s.Errorf("both copies ran: %s", both)
	}
	for _, wrong := range wrongStarts(moments, s.created, s.commits()) {
		s.Errorf("started with other offsets: %s", wrong)
	}
	s.lawful()
	s.mu.Lock()
	defer s.mu.Unlock()
	plants := secrettest.Plants{"config": s.secret}
	for _, text := range s.said {
		for _, leak := range plants.Find("what ferry said", []byte(text)) {
			s.Errorf("%s:\n%s", leak, text)
		}
	}
}

// lawful asserts that ferry sent no request that no move may send.
func (s *scene) lawful() {
	s.Helper()
	for _, side := range []*side{s.origin, s.target} {
		for _, proxy := range side.proxies {
			for _, sent := range proxy.Exchanges() {
				offsets := strings.HasSuffix(sent.Path, "/offsets")
				switch {
				case sent.Method == http.MethodDelete && offsets:
					s.Errorf("offsets were deleted on %s", side.Name())
				case sent.Method == http.MethodDelete && side == s.origin:
					s.Errorf("%s was deleted on the origin", sent.Path)
				case sent.Method == http.MethodPatch && side == s.origin && !s.wentTo:
					s.Errorf("the origin's offsets were written by a move")
				}
			}
		}
	}
}

// awaitState waits until a connector is in a state.
func (s *scene) awaitState(side *side, connector string, state connect.State) {
	s.Helper()
	err := wait.Until(s.Context(), fmt.Sprintf("%s to be %s on %s", connector, state, side.Name()), patience, func(ctx context.Context) (bool, string, error) {
		status, err := side.Client().RetryFor(patience).Status(ctx, connector)
		if connect.IsNotFound(err) {
			return false, "no status yet", nil
		}
		return err == nil && status.Connector.State == state, string(status.Connector.State), err
	})
	if err != nil {
		s.Fatal(err)
	}
}

// until waits for something to be so.
func (s *scene) until(what string, so func() bool) {
	s.Helper()
	err := wait.Until(s.Context(), what, patience, func(context.Context) (bool, string, error) { return so(), "not yet", nil })
	if err != nil {
		s.Fatal(err)
	}
}

// pass lets time pass, for traffic to go on meanwhile.
func (s *scene) pass(d time.Duration) {
	s.Helper()
	if err := wait.For(s.Context(), d); err != nil {
		s.Fatal(err)
	}
}
