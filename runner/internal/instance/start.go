package instance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// lateTasks is how long a copy of which nobody knows how many tasks it had may
// take to show its first one.
const lateTasks = 10 * time.Second

// Start asks for the state, RUNNING or PAUSED, and waits until the connector and its
// tasks, at least as many as given, are in it. A task that is FAILED ends the wait. The
// text that is returned says for people what was seen.
func (i Instance) Start(ctx context.Context, state connect.State, tasks int, limit time.Duration) (string, error) {
	client := i.client().RetryFor(cluster.DowntimeRetry)
	err := wait.Until(ctx, "the start on "+i.On(), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		err := i.Ask(ctx, state, cluster.DowntimeRetry)
		if connect.IsNotFound(err) {
			return false, err.Error(), nil // a worker that lags behind may not know the copy yet
		}
		return err == nil, "", err
	})
	if err != nil {
		return "", fmt.Errorf("start on %s: %w", i.On(), err)
	}
	begun := time.Now()
	seen := 0
	err = wait.Until(ctx, "the connector to be "+string(state)+" on "+i.On(), limit, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, i.Name)
		if connect.IsNotFound(err) && time.Since(begun) < cluster.StaleTime {
			return false, err.Error(), nil
		}
		if err == nil {
			err = status.Failure()
		}
		if err != nil {
			return false, "", fmt.Errorf("start on %s: %w", i.On(), err)
		}
		seen = len(status.Tasks)
		missing := status.Missing(state, tasks)
		if missing == "" && state == connect.Running && tasks == 0 && seen == 0 && time.Since(begun) < min(lateTasks, limit/2) {
			missing = "no task yet"
		}
		return missing == "", missing, nil
	})
	return fmt.Sprintf("%s with %d tasks on %s", state, seen, i.On()), err
}

// AskToRest asks the connector to rest, without waiting for it, and says what was
// asked: "stopped" or "paused".
func (i Instance) AskToRest(ctx context.Context, retryFor time.Duration) (asked string, err error) {
	rest := i.Cluster.RestState()
	return strings.ToLower(string(rest)), i.Ask(ctx, rest, retryFor)
}

// Delete removes the connector. One that is gone already is no error.
func (i Instance) Delete(ctx context.Context, retryFor time.Duration) error {
	return i.client().RetryFor(retryFor).Delete(ctx, i.Name)
}

// steadyFor is how long a connector must be seen in its old state to count as
// put back. A pause or stop whose answer was lost, or given up on at a signal,
// may still be carried out a moment later.
const steadyFor = time.Second

// askAgainAfter is when a connector that is not yet in its old state is asked
// once more.
const askAgainAfter = 5 * time.Second

// LookHanging is after what time of waiting for something to start, and then how
// often, it is asked what may keep it from starting.
const LookHanging = 10 * time.Second

// Restore brings the connector to the state it had, whatever it is in. It asks even if
// the cluster shows that state already: what it shows may be old. A task that fails
// does not end the wait: it may have failed before, and that it was asked to run is
// what is undone.
func (i Instance) Restore(ctx context.Context, state connect.State) (string, error) {
	client := i.client().RetryFor(cluster.PutBackRetry)
	if err := i.Ask(ctx, state, cluster.PutBackRetry); err != nil {
		return "", fmt.Errorf("put back on %s: %w", i.On(), err)
	}
	asked := time.Now()
	looked := asked
	var since time.Time
	err := wait.Until(ctx, fmt.Sprintf("the connector to be %s again on %s", state, i.On()), cluster.PutBackRetry,
		func(ctx context.Context) (bool, string, error) {
			status, err := client.Status(ctx, i.Name)
			if err != nil {
				return false, "", fmt.Errorf("put back on %s: %w", i.On(), err)
			}
			missing := status.Missing(state, 0)
			if missing == "" || status.Failure() != nil {
				if since.IsZero() {
					since = time.Now()
				}
				return time.Since(since) >= steadyFor, "in that state only for a moment", nil
			}
			if !since.IsZero() || time.Since(asked) > askAgainAfter {
				since, asked = time.Time{}, time.Now()
				err = i.Ask(ctx, state, cluster.PutBackRetry)
			}
			if err == nil && status.Starting() && time.Since(looked) > LookHanging {
				looked = time.Now()
				if hanging := i.Hanging(ctx); hanging != nil {
					err = fmt.Errorf("asked to be %s on %s, which it will be once it can start: %w", state, i.On(), hanging)
				}
			}
			return false, missing, err
		})
	return fmt.Sprintf("%s on %s as before", state, i.On()), err
}
