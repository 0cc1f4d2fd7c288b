package instance

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// lateTasks is how long a copy may take to show its first task if the number of its tasks
// is not known.
const lateTasks = 10 * time.Second

// Start asks for a state, RUNNING or PAUSED, and waits until the connector and its tasks,
// at least the given number, are in it. A FAILED task ends the wait. asked is called in
// between, once the cluster has taken the request. The text describes what was seen.
func (i Instance) Start(ctx context.Context, state connect.State, tasks int, limit time.Duration, asked func()) (string, error) {
	client := i.client().RetryFor(cluster.DowntimeRetry)
	err := wait.Until(ctx, "the start on "+i.On(), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		err := i.Ask(ctx, state, cluster.DowntimeRetry)
		if connect.IsNotFound(err) { // a worker that lags behind may not know the copy yet
			return false, err.Error(), i.gone(ctx)
		}
		return err == nil, "", err
	})
	if err != nil {
		return "", fmt.Errorf("start on %s: %w", i.On(), err)
	}
	asked()
	begun := time.Now()
	seen := 0
	err = wait.Until(ctx, "the connector to be "+string(state)+" on "+i.On(), limit, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, i.Name)
		if connect.IsNotFound(err) && time.Since(begun) < cluster.StaleTime {
			return false, err.Error(), i.gone(ctx)
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
	return fmt.Sprintf("%s with %s on %s", state, words.Count(seen, "task"), i.On()), err
}

// AskToRest sends a stop, or a pause to workers that cannot stop, without waiting for its
// effect. It returns "stopped" or "paused".
func (i Instance) AskToRest(ctx context.Context, retryFor time.Duration) (asked string, err error) {
	rest := i.Cluster.RestState()
	return strings.ToLower(string(rest)), i.Ask(ctx, rest, retryFor)
}

// Delete removes the connector. It is no error if the connector is gone already.
func (i Instance) Delete(ctx context.Context, retryFor time.Duration) error {
	return i.client().RetryFor(retryFor).Delete(ctx, i.Name)
}
