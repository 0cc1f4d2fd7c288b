package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// confirmExists asks for the failed tasks of a resting copy to be restarted, of
// which there are none. The leader answers that, and says 404 if the connector is
// gone, which the worker that was asked before may not know yet: to put a config
// would create it anew, and running.
func confirmExists(ctx context.Context, cluster *Cluster, connector string) error {
	if err := cluster.Client.Restart(ctx, connector); err != nil {
		return fmt.Errorf("the copy on %s: %w", cluster.Name, err)
	}
	return nil
}

// markIdle says of a stopped copy that no move of it is under way.
func markIdle(ctx context.Context, cluster *Cluster, connector string) error {
	if err := confirmExists(ctx, cluster, connector); err != nil {
		return err
	}
	return editMarks(ctx, cluster, connector, func(config rawjson.Object) rawjson.Object { return withKeepState(config, idle) })
}

// markBack says in which state the origin's stopped copy ends when the rollback is done.
func markBack(ctx context.Context, cluster *Cluster, connector string, state connect.State) error {
	if err := confirmExists(ctx, cluster, connector); err != nil {
		return err
	}
	return editMarks(ctx, cluster, connector, func(config rawjson.Object) rawjson.Object { return withBackState(config, state) })
}

// unmark removes both marks.
func unmark(ctx context.Context, cluster *Cluster, connector string) error {
	return editMarks(ctx, cluster, connector, withoutMarks)
}

// editMarks puts a config with other marks. A connector at rest stays at rest
// when its config is put; one that runs would start anew, so it is left alone:
// somebody started it, and the marks have lost their meaning.
func editMarks(ctx context.Context, cluster *Cluster, connector string, edit func(rawjson.Object) rawjson.Object) error {
	config, err := cluster.Client.Config(ctx, connector)
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
	}
	wanted := edit(config)
	if rawjson.Equal(wanted.Value(), config.Value()) {
		return nil
	}
	state, err := settledState(ctx, cluster, connector)
	if err != nil {
		return err
	}
	if state != connect.Stopped && state != connect.Paused {
		return &interferedError{what: fmt.Sprintf("the copy on %s is %s, started by another run or by somebody", cluster.Name, state)}
	}
	if err := cluster.Client.Patient(windowPatience).PutConfig(ctx, connector, wanted); err != nil {
		return fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
	}
	return awaitConfig(ctx, cluster, connector, wanted, state)
}

// settledState returns the state of a copy once it is none in between: workers
// before 3.0 answer [confirmExists] by restarting the connector itself, which is
// UNASSIGNED for a moment and then rests again.
func settledState(ctx context.Context, cluster *Cluster, connector string) (state connect.State, err error) {
	err = wait.Until(ctx, "the copy on "+cluster.Name, staleTime, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client.Status(ctx, connector)
		if err != nil {
			return false, "", fmt.Errorf("status of the copy on %s: %w", cluster.Name, err)
		}
		state = status.Connector.State
		return state != connect.Unassigned && state != connect.Restarting, "it is " + string(state), nil
	})
	return state, err
}

// awaitConfig waits until a config that was put reads back and the connector
// rests again.
func awaitConfig(ctx context.Context, cluster *Cluster, connector string, wanted rawjson.Object, state connect.State) error {
	return wait.Until(ctx, "the config of the copy on "+cluster.Name, settleTime, func(ctx context.Context) (bool, string, error) {
		config, err := cluster.Client.Config(ctx, connector)
		if err != nil {
			return false, "", fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
		}
		if !rawjson.Equal(config.Value(), wanted.Value()) {
			return false, "it does not read back yet", nil
		}
		status, err := cluster.Client.Status(ctx, connector)
		if err != nil {
			return false, "", fmt.Errorf("status of the copy on %s: %w", cluster.Name, err)
		}
		missing := notIn(status, state, 0)
		return missing == "", missing, nil
	})
}
