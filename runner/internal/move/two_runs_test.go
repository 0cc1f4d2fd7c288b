package move

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// TestTwoRunsAtOnce starts a second move of the same connector while the first
// works, at every moment of it. Nothing keeps them apart but the clusters: one
// of them may fail, and says so, but never do both copies run, and no run undoes
// what the other has finished.
func TestTwoRunsAtOnce(t *testing.T) {
	for _, test := range []struct {
		hard       bool
		step, last time.Duration
	}{{true, 11 * time.Millisecond, 500 * time.Millisecond}, {false, 101 * time.Millisecond, 3 * time.Second}} {
		t.Run(fmt.Sprintf("hard=%v", test.hard), func(t *testing.T) {
			t.Parallel()
			for delay := time.Duration(0); delay < test.last; delay += test.step {
				synctest.Test(t, func(t *testing.T) { twoRuns(t, test.hard, delay) })
				if t.Failed() {
					t.Fatalf("with the second run %s after the first", delay)
				}
			}
		})
	}
}

func twoRuns(t *testing.T, hard bool, delay time.Duration) {
	w := newWorld(t, hard)
	w.Run(pairtest.SlowSource())
	var results [2]event.ConnectorResult
	var runs sync.WaitGroup
	for i := range results {
		runs.Go(func() {
			w.Pass(time.Duration(i) * delay)
			results[i] = w.move()
		})
	}
	runs.Wait()
	if last := w.move(); last.Outcome != event.Moved && last.Outcome != event.Unchanged {
		t.Errorf("the run after both: %s: %s", last.Outcome, last.Message)
	}
	w.At(connect.Stopped, connect.Running)
	w.Exact()
	if t.Failed() {
		for _, result := range results {
			t.Logf("%s: %s; %+v", result.Outcome, result.Message, result.Steps)
		}
	}
}
