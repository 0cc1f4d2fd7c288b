package proof

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// restartTasks restarts the tasks of a paused connector, except failed ones, which have ended.
func (a *Attempt) restartTasks(ctx context.Context) error {
	name, client := a.subject.Connector, a.prover.client()
	status, err := client.Status(ctx, name)
	if err != nil {
		return fmt.Errorf("status of the paused connector: %w", err)
	}
	asked := time.Now()
	var restarts errgroup.Group
	restarts.SetLimit(maxRestarts)
	for _, task := range status.Tasks {
		if task.State == connect.Failed {
			continue
		}
		restarts.Go(func() (err error) {
			defer crash.Catch(&err)
			if err := client.RestartTask(ctx, name, task.ID); err != nil {
				return fmt.Errorf("restart paused task %d: %w", task.ID, err)
			}
			return nil
		})
	}
	if err := restarts.Wait(); err != nil {
		return err
	}
	a.ending = time.Since(asked)
	err = wait.Until(ctx, "the restarted tasks to rest", a.prover.Options.Timeout, func(ctx context.Context) (bool, string, error) {
		missing, err := client.NotAtRest(ctx, name, connect.Paused)
		return err == nil && missing == "", missing, err
	})
	if timeout, ok := asTimeout(err); ok {
		return &NotProvenError{Reason: "the restarted tasks do not rest", Err: timeout}
	}
	return err
}

// maxRestarts is how many restarts are requested at a time; a worker does them one by
// one.
const maxRestarts = 8
