package move

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// RefusedError says that a check speaks against what was asked for. Nothing was
// changed on either cluster.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

func refused(reason string) error { return &RefusedError{Reason: reason} }

// RunningTwiceError says that both copies run.
type RunningTwiceError struct{ Reason string }

func (e *RunningTwiceError) Error() string { return e.Reason }

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// outcomeOf names what an error means for a connector.
func outcomeOf(ctx context.Context, err error) event.Outcome {
	if errors.Is(err, ErrInterrupted) || errors.Is(context.Cause(ctx), ErrInterrupted) {
		return event.Interrupted
	}
	if _, ok := errors.AsType[*RunningTwiceError](err); ok {
		return event.RunningTwice
	}
	if _, ok := errors.AsType[*RefusedError](err); ok {
		return event.Refused
	}
	if _, ok := errors.AsType[*proof.UnreadableError](err); ok {
		return event.Refused
	}
	if _, ok := errors.AsType[*proof.NotProvenError](err); ok {
		return event.NotProven
	}
	return event.Failed
}

// missingConnector turns Connect's 404 into a refusal that says where to look.
func missingConnector(cluster *Cluster, connector string, err error) error {
	if connect.IsNotFound(err) {
		return refused("connector \"" + connector + "\" does not exist on " + cluster.Name +
			"; see GET " + cluster.Client.Workers()[0] + "/connectors for the names")
	}
	return err
}
