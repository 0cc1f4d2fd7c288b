package instance

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// CreateStopped makes sure that a stopped connector with this config exists, without
// tasks. exists says whether it existed when it was last read; created says whether this
// call created it.
func (i Instance) CreateStopped(ctx context.Context, settings rawjson.Object, exists bool) (created bool, err error) {
	if exists {
		err := i.RetryLonger().confirmExists(ctx)
		exists = !connect.IsNotFound(err)
		if exists && err != nil {
			return false, err
		}
	}
	if exists {
		return false, i.replaceConfig(ctx, settings)
	}
	err = i.createAtRest(ctx, settings)
	switch {
	case err == nil:
	case connect.IsBadRequest(err):
		i.forgetState(ctx)
		return false, cluster.Refused(fmt.Sprintf("%s refuses the connector: %s", i.On(), connect.Message(err)))
	case connect.IsAlreadyExists(err):
		// Another run, or a person, created it after the check.
		if err := i.readBack(ctx, settings, err); err != nil {
			return false, err
		}
		return false, i.AwaitRest(ctx)
	case connect.IsTemporary(err):
		// Find out whether it was created even after an interrupt: otherwise a copy could
		// be left that nobody knows of.
		if err := i.readBack(context.WithoutCancel(ctx), settings, err); err != nil {
			return false, err
		}
	default:
		i.forgetState(ctx)
		return false, fmt.Errorf("create on %s: %w", i.On(), err)
	}
	return true, i.awaitCreated(ctx)
}

func (i Instance) replaceConfig(ctx context.Context, settings rawjson.Object) error {
	current, err := i.client().Config(ctx, i.Name)
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
	}
	if !rawjson.Equal(current.Value(), settings.Value()) {
		// A stopped connector stays stopped after a PUT of its config.
		if err := i.client().PutConfig(ctx, i.Name, settings); err != nil {
			return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
		}
	}
	return i.AwaitRest(ctx)
}

// createAtRest creates a connector stopped. Workers before 3.7 take no initial state, but
// start a connector in the target state that the config topic holds for its name. Later
// workers do the same internally.
func (i Instance) createAtRest(ctx context.Context, settings rawjson.Object) error {
	if i.Cluster.Has(cluster.InitialState) {
		return i.client().Create(ctx, i.Name, settings, connect.Stopped)
	}
	topic, err := i.Cluster.ConfigTopic()
	if err != nil {
		return err
	}
	if err := topic.SetTargetState(ctx, i.Name, i.Cluster.RestState()); err != nil {
		return fmt.Errorf("first state of the copy: %w", err)
	}
	return i.client().Create(ctx, i.Name, settings, "")
}

// forgetState removes the target state of a connector that was not created: one created
// later under that name would not run.
func (i Instance) forgetState(ctx context.Context) {
	if i.Cluster.Has(cluster.InitialState) {
		return
	}
	if topic, err := i.Cluster.ConfigTopic(); err == nil {
		_ = topic.SetTargetState(context.WithoutCancel(ctx), i.Name, "") // the caller reports the error that came before
	}
}

// readBack finds out whether a create whose answer was lost took effect, and sends it
// again if not.
func (i Instance) readBack(ctx context.Context, settings rawjson.Object, lost error) error {
	return wait.Until(ctx, "create on "+i.On(), cluster.SettleTime, func(ctx context.Context) (bool, string, error) {
		current, err := i.client().Config(ctx, i.Name)
		if err == nil && rawjson.Equal(current.Value(), settings.Value()) {
			return true, "", nil
		}
		if err == nil {
			return false, "", cluster.Refused(fmt.Sprintf("name %q was taken on %s just now by a connector with another config", i.Name, i.On()))
		}
		if !connect.IsNotFound(err) {
			return false, "", fmt.Errorf("create on %s: read back: %w", i.On(), err)
		}
		again := i.createAtRest(ctx, settings)
		if again != nil && !connect.IsAlreadyExists(again) && !connect.IsTemporary(again) {
			return false, "", fmt.Errorf("create on %s: %w", i.On(), again)
		}
		return again == nil, lost.Error(), nil
	})
}

// awaitCreated waits until the new copy is at rest. Before Kafka 3.8, a connector that
// was deleted and created again could get its old tasks back (KAFKA-16838); another stop
// removes them.
func (i Instance) awaitCreated(ctx context.Context) error {
	stoppedAgain := false
	return wait.Until(ctx, "the copy on "+i.On()+" to be stopped", cluster.SettleTime, func(ctx context.Context) (bool, string, error) {
		missing, err := i.NotAtRest(ctx)
		if connect.IsNotFound(err) {
			return false, "it is not visible yet", nil
		}
		if err == nil && missing != "" && !i.Cluster.Has(cluster.InitialState) {
			if err := i.refuseRunning(ctx); err != nil {
				return false, "", err
			}
		}
		if err == nil && missing != "" && !stoppedAgain && i.Cluster.Has(cluster.Stop) {
			stoppedAgain = true
			tasks, failure := i.client().Tasks(ctx, i.Name)
			if failure == nil && len(tasks) > 0 {
				err = i.client().Stop(ctx, i.Name)
			}
		}
		return err == nil && missing == "", missing, err
	})
}

// refuseRunning deletes a copy at once if an old worker runs it although its target state
// was written: that may have gone to another cluster's topic.
func (i Instance) refuseRunning(ctx context.Context) error {
	status, err := i.client().Status(ctx, i.Name)
	if err != nil || status.Connector.State != connect.Running {
		return nil //nolint:nilerr // the caller looks again
	}
	if err := i.Delete(context.WithoutCancel(ctx), cluster.PutBackRetry); err != nil {
		return &RunningTwiceError{Reason: fmt.Sprintf("the copy on %s runs although it should be at rest, and cannot be deleted: %s; delete it now", i.On(), connect.Message(err))}
	}
	return fmt.Errorf("the copy on %s ran although it should be at rest, and has been deleted; what it sent meanwhile is sent twice: correct kafka.config_storage_topic of %s",
		i.On(), i.On())
}
