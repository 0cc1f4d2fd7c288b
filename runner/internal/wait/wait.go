// Package wait waits for conditions instead of fixed times, always with a context.
//
// Tests run it in a testing/synctest bubble, where waiting takes no time.
package wait

import (
	"context"
	"fmt"
	"time"
)

// Condition checks once. It returns done, or what is still missing, which becomes part of
// the error if time runs out. An error ends the wait.
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

// Until checks condition until it is done, for at most limit. It checks again after 10 ms
// at first, since most conditions here are met within a fraction of a second of downtime,
// and then less and less often, down to four times a second.
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

// For returns after d, or with the context's cause if the context ends first. Use it
// between two checks; to wait for a condition, use [Until].
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
