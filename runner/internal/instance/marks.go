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

// confirmExists asks the leader whether a copy at rest still exists, by restarting its
// failed tasks, of which there are none. The leader answers 404 if the connector is gone,
// which another worker may not know yet: a PUT of the config would then create it anew,
// running.
func (i Instance) confirmExists(ctx context.Context) error {
	if err := i.client().Restart(ctx, i.Name); err != nil {
		return fmt.Errorf("the copy on %s: %w", i.On(), err)
	}
	return nil
}

// MarkIdle marks a stopped copy as part of no move.
func (i Instance) MarkIdle(ctx context.Context) error {
	if err := i.RetryLonger().confirmExists(ctx); err != nil {
		return err
	}
	return i.editMarks(ctx, func(settings rawjson.Object) rawjson.Object { return config.WithKeepState(settings, config.Idle) })
}

// MarkBack marks the origin's stopped connector with the state to end in after the
// rollback.
func (i Instance) MarkBack(ctx context.Context, state connect.State) error {
	if err := i.RetryLonger().confirmExists(ctx); err != nil {
		return err
	}
	return i.editMarks(ctx, func(settings rawjson.Object) rawjson.Object { return config.WithBackState(settings, state) })
}

// Unmark removes both marks.
func (i Instance) Unmark(ctx context.Context) error { return i.editMarks(ctx, config.WithoutMarks) }

// editMarks puts a config with other marks. A connector at rest stays at rest. One that
// runs would restart, so it is left alone: somebody started it, and the marks have lost
// their meaning.
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

// settledState waits until a copy is neither UNASSIGNED nor RESTARTING, and returns its
// state. Workers before 3.0 answer [Instance.confirmExists] by restarting the connector
// itself, which is UNASSIGNED for a moment and then rests again.
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

// awaitConfig waits until the config reads back and the connector rests again.
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
