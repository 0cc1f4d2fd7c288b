package history_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// TestTwoRunsAtOnce has two runs move the same connector at the same moment, a hundred
// times, there and back: one moves it, the other learns who does, and never do both.
func TestTwoRunsAtOnce(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 10
	}
	server := startServer(t)
	s := newStage(t, "orders")
	pair := [2]*run{newRun(t, server.URL(), "anna", 30*time.Second), newRun(t, server.URL(), "bert", 30*time.Second)}
	names, won := [2]string{"anna@here", "bert@here"}, [2]int{}
	for round := range rounds {
		done := event.Moved
		if round%2 == 1 {
			done = event.RolledBack
		}
		var results [2]event.ConnectorResult
		var both sync.WaitGroup
		start := make(chan struct{})
		for i, ferry := range pair {
			both.Go(func() {
				<-start
				if round%2 == 1 {
					results[i] = ferry.Rollback(t.Context(), s.request(&line{}))
					return
				}
				results[i] = ferry.Move(t.Context(), s.request(&line{}))
			})
		}
		close(start)
		both.Wait()
		winner := 0
		if results[0].Outcome != done {
			winner = 1
		}
		loser := 1 - winner
		won[winner]++
		if results[winner].Outcome != done || results[loser].Outcome != event.Held || results[loser].Changed || len(results[loser].Steps) > 0 ||
			!strings.Contains(results[loser].Message, "is held by `ferry") || !strings.Contains(results[loser].Message, names[winner]+" (process 1) since 2") {
			t.Fatalf("round %d: %s: %s; and %s: %s", round, results[0].Outcome, results[0].Message, results[1].Outcome, results[1].Message)
		}
	}
	if rounds%2 == 0 {
		s.await(s.global, connect.Running)
	}
	s.exact()
	told := stories(t, server.URL(), "orders")
	if len(told) != rounds {
		t.Errorf("%d stories of %d rounds", len(told), rounds)
	}
	for _, story := range told {
		if len(story.Runs) != 1 || len(story.Steps) != len(whole) || story.Open {
			t.Errorf("story: %+v", story)
		}
	}
	t.Logf("%d rounds, anna won %d, bert %d; %d records", rounds, won[0], won[1], s.kafka.Count(topic).Records)
}
