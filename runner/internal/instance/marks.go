package instance

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// confirmExists asks for the failed tasks of a resting copy to be restarted, of
// which there are none. The leader answers that, and says 404 if the connector is
// gone, which the worker that was asked before may not know yet: to put a config
// would create it anew, and running.
func (i Instance) confirmExists(ctx context.Context) error {
	if err := i.client().Restart(ctx, i.Name); err != nil {
		return fmt.Errorf("the copy on %s: %w", i.On(), err)
	}
	return nil
}

// MarkIdle says of a stopped copy that no move of it is under way.
func (i Instance) MarkIdle(ctx context.Context) error {
	if err := i.confirmExists(ctx); err != nil {
		return err
	}
	return i.editMarks(ctx, func(settings rawjson.Object) rawjson.Object { return config.WithKeepState(settings, config.Idle) })
}

// MarkBack says in which state the origin's stopped connector ends when the rollback
// is done.
func (i Instance) MarkBack(ctx context.Context, state connect.State) error {
	if err := i.confirmExists(ctx); err != nil {
		return err
	}
	return i.editMarks(ctx, func(settings rawjson.Object) rawjson.Object { return config.WithBackState(settings, state) })
}

// Unmark removes both marks.
func (i Instance) Unmark(ctx context.Context) error { return i.editMarks(ctx, config.WithoutMarks) }

// editMarks puts a config with other marks. A connector at rest stays at rest
// when its config is put; one that runs would start anew, so it is left alone:
// somebody started it, and the marks have lost their meaning.
func (i Instance) editMarks(ctx context.Context, edit func(rawjson.Object) rawjson.Object) error {
	current, err := i.client().Config(ctx, i.Name)
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
	}
	wanted := edit(current)
	if rawjson.Equal(wanted.Value(), current.Value()) {
		return nil
	}
	state, err := i.settledState(ctx)
	if err != nil {
		return err
	}
	if state != connect.Stopped && state != connect.Paused {
		return Interfered("the copy on %s is %s, started by another run or by somebody", i.On(), state)
	}
	if err := i.client().RetryFor(cluster.DowntimeRetry).PutConfig(ctx, i.Name, wanted); err != nil {
		return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
	}
	return i.awaitConfig(ctx, wanted, state)
}

// settledState returns the state of a copy once it is none in between: workers
// before 3.0 answer [Instance.confirmExists] by restarting the connector itself,
// which is UNASSIGNED for a moment and then rests again.
func (i Instance) settledState(ctx context.Context) (state connect.State, err error) {
	err = wait.Until(ctx, "the copy on "+i.On(), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		status, err := i.client().Status(ctx, i.Name)
		if err != nil {
			return false, "", fmt.Errorf("status of the copy on %s: %w", i.On(), err)
		}
		state = status.Connector.State
		return state != connect.Unassigned && state != connect.Restarting, "it is " + string(state), nil
	})
	return state, err
}

// awaitConfig waits until a config that was put reads back and the connector
// rests again.
func (i Instance) awaitConfig(ctx context.Context, wanted rawjson.Object, state connect.State) error {
	return wait.Until(ctx, "the config of the copy on "+i.On(), cluster.SettleTime, func(ctx context.Context) (bool, string, error) {
		current, err := i.client().Config(ctx, i.Name)
		if err != nil {
			return false, "", fmt.Errorf("config of the copy on %s: %w", i.On(), err)
		}
		if !rawjson.Equal(current.Value(), wanted.Value()) {
			return false, "it does not read back yet", nil
		}
		status, err := i.client().Status(ctx, i.Name)
		if err != nil {
			return false, "", fmt.Errorf("status of the copy on %s: %w", i.On(), err)
		}
		missing := status.Missing(state, 0)
		return missing == "", missing, nil
	})
}
