package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// mark writes [keepStateKey] into the config of a stopped copy. A stopped
// connector stays stopped when its config is put.
func mark(ctx context.Context, cluster *Cluster, connector string, state connect.State) error {
	return editMark(ctx, cluster, connector, func(config rawjson.Object) rawjson.Object { return withKeepState(config, state) })
}

// unmark removes it.
func unmark(ctx context.Context, cluster *Cluster, connector string) error {
	return editMark(ctx, cluster, connector, func(config rawjson.Object) rawjson.Object { return config.Without(keepStateKey) })
}

func editMark(ctx context.Context, cluster *Cluster, connector string, edit func(rawjson.Object) rawjson.Object) error {
	config, err := cluster.Client.Config(ctx, connector)
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
	}
	wanted := edit(config)
	if rawjson.Equal(wanted.Value(), config.Value()) {
		return nil
	}
	if err := cluster.Client.Patient(windowPatience).PutConfig(ctx, connector, wanted); err != nil {
		return fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
	}
	return awaitStopped(ctx, cluster, connector)
}
