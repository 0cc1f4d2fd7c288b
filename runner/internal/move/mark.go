package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// markIdle says of a stopped copy that no move of it is under way.
func markIdle(ctx context.Context, cluster *Cluster, connector string) error {
	return editMarks(ctx, cluster, connector, func(config rawjson.Object) rawjson.Object { return withKeepState(config, idle) })
}

// markBack says in which state the origin's stopped copy ends when the rollback is done.
func markBack(ctx context.Context, cluster *Cluster, connector string, state connect.State) error {
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
	status, err := cluster.Client.Status(ctx, connector)
	if err != nil {
		return fmt.Errorf("status of the copy on %s: %w", cluster.Name, err)
	}
	state := status.Connector.State
	if state != connect.Stopped && state != connect.Paused {
		return &interferedError{what: fmt.Sprintf("the copy on %s is %s, started by another run or by somebody", cluster.Name, state)}
	}
	if err := cluster.Client.Patient(windowPatience).PutConfig(ctx, connector, wanted); err != nil {
		return fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
	}
	return awaitState(ctx, cluster, connector, state)
}

func awaitState(ctx context.Context, cluster *Cluster, connector string, state connect.State) error {
	return wait.Until(ctx, "the copy on "+cluster.Name+" to be "+string(state), settleTime, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client.Status(ctx, connector)
		if err != nil {
			return false, "", fmt.Errorf("status of the copy on %s: %w", cluster.Name, err)
		}
		missing := notIn(status, state, 0)
		return missing == "", missing, nil
	})
}
