package instance

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// MarkIdle marks a stopped copy as part of no move. If somebody deletes it at this moment, the
// patch may create it anew, running (DistributedHerder.patchConnectorConfig): then it is stopped.
// Nobody else starts one with this mark, since `ferry start` removes it first.
func (i Instance) MarkIdle(ctx context.Context) error {
	err := i.changeMarks(ctx, config.ChangeKeep(config.Idle))
	if err == nil || i.AwakeEverywhere(ctx) != connect.Running {
		return err
	}
	if settings, unknown := i.config(ctx); unknown != nil || config.KeepState(settings) != config.Idle {
		return err
	}
	if _, err := i.AskToRest(ctx, cluster.PutBackRetry); err != nil {
		return &RunningTwiceError{Reason: fmt.Sprintf("the copy on %s was deleted, came back running with its mark, and cannot be stopped: %s; stop it now", i.On(), err)}
	}
	return &RunningTwiceError{Reason: fmt.Sprintf("the copy on %s was deleted, came back running with its mark, and was stopped again; what it sent meanwhile is sent twice", i.On())}
}

// MarkHeld marks a stopped copy as one that waits for its cut.
func (i Instance) MarkHeld(ctx context.Context) error {
	return i.changeMarks(ctx, config.ChangeKeep(config.Held))
}

// MarkBack marks the origin's stopped connector with the state to end in after the
// rollback.
func (i Instance) MarkBack(ctx context.Context, state connect.State) error {
	return i.changeMarks(ctx, config.ChangeBack(state))
}

// MarkPreliminary marks a connector at rest as one whose offsets are not the final ones.
func (i Instance) MarkPreliminary(ctx context.Context) error {
	return i.changeMarks(ctx, config.ChangeToPreliminary())
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
	patches := i.Cluster.Has(cluster.PatchConfig)
	var current rawjson.Object
	if !patches {
		var err error
		if current, err = i.config(ctx); err != nil || config.IsChanged(current, change) {
			return err
		}
	}
	state, err := i.settledState(ctx)
	if err != nil {
		return err
	}
	if state != connect.Stopped && state != connect.Paused {
		if current, err := i.config(ctx); err != nil || config.IsChanged(current, change) {
			return err
		}
		return Interfered("the copy on %s is %s, started by another run or by somebody", i.On(), state)
	}
	retrying := i.RetryLonger()
	if patches {
		err = retrying.client().PatchConfig(ctx, i.Name, change)
	} else if err = retrying.confirmExists(ctx); err == nil {
		err = retrying.client().PutConfig(ctx, i.Name, current.Patched(change))
	}
	if err != nil {
		return fmt.Errorf("config of the copy on %s: %w", i.On(), err)
	}
	return i.awaitMarks(ctx, change, state)
}

func (i Instance) config(ctx context.Context) (current rawjson.Object, err error) {
	err = i.UntilKnown(ctx, "config", func(ctx context.Context) error {
		current, err = i.client().Config(ctx, i.Name)
		return err
	})
	return current, err
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

// awaitMarks waits until the marks read back as changed and the connector rests again. It waits no
// longer for one that runs than a worker may lag behind.
func (i Instance) awaitMarks(ctx context.Context, change rawjson.Object, state connect.State) error {
	var since time.Time // it runs
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
		switch missing := status.Missing(state, 0); {
		case missing == "" || status.Connector.State != connect.Running:
			since = time.Time{}
			return missing == "", missing, nil
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > cluster.StaleTime:
			return false, "", Interfered("another run or somebody started the connector on %s: it is %s there", i.On(), status.Connector.State)
		}
		return false, "it is RUNNING", nil
	})
}
