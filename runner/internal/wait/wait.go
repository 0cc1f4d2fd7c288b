// Package wait waits for conditions: never a fixed time, always with a context.
//
// It uses the clock of package time, so that tests run it in a testing/synctest
// bubble and take no time.
package wait

import (
	"context"
	"fmt"
	"time"
)

// Condition looks once. It returns done, or what is still missing, in words
// that end up in the error if time runs out. An error ends the wait.
type Condition func(ctx context.Context) (done bool, missing string, err error)

const (
	firstPause = 10 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// TimeoutError says what was still missing when the time was up.
type TimeoutError struct {
	For     string // what was waited for
	Missing string // the last observation
	Waited  time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s: not within %s: %s", e.For, e.Waited.Round(time.Millisecond), e.Missing)
}

// Until looks until condition is done, for at most limit. It looks again after
// 10 ms at first, as most conditions here are met within a fraction of a second
// of downtime, and then less and less often, down to four times a second.
func Until(ctx context.Context, what string, limit time.Duration, condition Condition) error {
	start := time.Now()
	pause := firstPause
	for {
		done, missing, err := condition(ctx)
		if done || err != nil {
			return err
		}
		waited := time.Since(start)
		if waited+pause > limit {
			return &TimeoutError{For: what, Missing: missing, Waited: waited}
		}
		if err := For(ctx, pause); err != nil {
			return fmt.Errorf("%s: %w (%s)", what, err, missing)
		}
		pause = min(pause*5/4, maxPause)
	}
}

// For returns after d, or with the context's cause if that ends first. It is
// for the space between two looks, not for waiting on something to be true.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
