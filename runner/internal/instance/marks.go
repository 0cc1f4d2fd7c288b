package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	err := i.client().Restart(ctx, i.Name)
	if connect.IsNotFound(err) && strings.HasPrefix(connect.Message(err), "Status for connector") {
		return nil // it exists, and no worker has taken it on (DistributedHerder.restartConnectorAndTasks)
	}
	if connect.IsNotFound(err) {
		return &GoneError{On: i.On(), err: err}
	}
	if err != nil {
		return fmt.Errorf("the copy on %s: %w", i.On(), err)
	}
	return nil
}

// GoneError says that a connector at rest does not exist any more: the leader answered 404.
type GoneError struct {
	On  string
	err error
}

func (e *GoneError) Error() string { return "somebody has deleted the connector on " + e.On }

func (e *GoneError) Unwrap() error { return e.err }

// Gone returns a [GoneError] about a connector that is not there any more.
func Gone(of Instance) error { return &GoneError{On: of.On()} }

// IsGone reports whether an error is a [GoneError].
func IsGone(err error) bool {
	_, gone := errors.AsType[*GoneError](err)
	return gone
}

// MarkIdle marks a stopped copy as part of no move.
func (i Instance) MarkIdle(ctx context.Context) error {
	if err := i.RetryLonger().confirmExists(ctx); err != nil {
		return err
	}
	return i.changeMarks(ctx, config.ChangeKeep(config.Idle))
}

// MarkBack marks the origin's stopped connector with the state to end in after the
// rollback.
func (i Instance) MarkBack(ctx context.Context, state connect.State) error {
	if err := i.RetryLonger().confirmExists(ctx); err != nil {
		return err
	}
	return i.changeMarks(ctx, config.ChangeBack(state))
}

// MarkFinal removes the mark that a copy's offsets are preliminary.
func (i Instance) MarkFinal(ctx context.Context) error {
	return i.changeMarks(ctx, config.ChangeToFinal())
}

// Unmark removes all marks.
func (i Instance) Unmark(ctx context.Context) error { return i.changeMarks(ctx, config.ChangeToNone()) }

// changeMarks changes marks in the config. A connector at rest stays at rest. One that runs
// would restart, so it is left alone: somebody started it, and the marks have lost their
// meaning.
//
// The config is patched: the one that a worker shows may be out of date, and a PUT would bring
// it back, and would create a connector anew, running, that somebody deletes at this moment.
// Workers that cannot patch are asked for the config and whether it exists right before a PUT.
func (i Instance) changeMarks(ctx context.Context, change rawjson.Object) error {
	current, err := i.config(ctx)
	if err != nil {
		return err
	}
	patches := i.Cluster.Has(cluster.PatchConfig)
	if !patches && config.IsChanged(current, change) {
		return nil
	}
	state, err := i.settledState(ctx)
	if err != nil {
		return err
	}
	if state != connect.Stopped && state != connect.Paused {
		if config.IsChanged(current, change) {
			return nil
		}
		return Interfered("the copy on %s is %s, started by another run or by somebody", i.On(), state)
	}
	client := i.client().RetryFor(cluster.DowntimeRetry)
	if patches {
		err = client.PatchConfig(ctx, i.Name, change)
	} else if err = i.confirmExists(ctx); err == nil {
		err = client.PutConfig(ctx, i.Name, config.Changed(current, change))
	}
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
	}
	return i.awaitMarks(ctx, change, state)
}

// config waits until a worker knows the copy's config: one that lags behind may not yet.
func (i Instance) config(ctx context.Context) (current rawjson.Object, err error) {
	err = wait.Until(ctx, "the config of the copy on "+i.On(), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		var err error
		if current, err = i.client().Config(ctx, i.Name); err != nil {
			return i.unknown(ctx, "config", err)
		}
		return true, "", nil
	})
	return current, err
}

// unknown is what a wait makes of a failed read: a worker that does not know the copy may lag
// behind, unless the leader does not know it either.
func (i Instance) unknown(ctx context.Context, what string, err error) (done bool, missing string, failure error) {
	if connect.IsNotFound(err) {
		return false, err.Error(), i.gone(ctx)
	}
	return false, "", fmt.Errorf("%s of the copy on %s: %w", what, i.On(), err)
}

// settledState waits until a copy is neither UNASSIGNED nor RESTARTING, and returns its
// state. Workers before 3.0 answer [Instance.confirmExists] by restarting the connector
// itself, which is UNASSIGNED for a moment and then rests again.
func (i Instance) settledState(ctx context.Context) (state connect.State, err error) {
	err = wait.Until(ctx, "the copy on "+i.On(), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		status, err := i.client().Status(ctx, i.Name)
		if err != nil {
			return i.unknown(ctx, "status", err)
		}
		state = status.Connector.State
		return state != connect.Unassigned && state != connect.Restarting, "it is " + string(state), nil
	})
	return state, err
}

// awaitMarks waits until the marks read back as changed and the connector rests again.
func (i Instance) awaitMarks(ctx context.Context, change rawjson.Object, state connect.State) error {
	return wait.Until(ctx, "the config of the copy on "+i.On(), cluster.SettleTime, func(ctx context.Context) (bool, string, error) {
		current, err := i.client().Config(ctx, i.Name)
		if err != nil {
			return i.unknown(ctx, "config", err)
		}
		if !config.IsChanged(current, change) {
			return false, "it does not read back yet", nil
		}
		status, err := i.client().Status(ctx, i.Name)
		if err != nil {
			return i.unknown(ctx, "status", err)
		}
		missing := status.Missing(state, 0)
		return missing == "", missing, nil
	})
}
