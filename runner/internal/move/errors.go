package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
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

// interferedError says that somebody else works on the connector, another run or
// a person. What they did is theirs: it is not undone, since they may be about to
// start what an undo would start too.
type interferedError struct{ what string }

func (e *interferedError) Error() string { return e.what }

// notPutBackError says that what was begun could not be undone. It hides what
// ended the run, so that no exit code promises what was not kept.
type notPutBackError struct{ cause, failure error }

func (e *notPutBackError) Error() string {
	return fmt.Sprintf("%s; and it was not put back: %s", e.cause, e.failure)
}

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted")

// outcomeOf names what an error means for a connector.
func outcomeOf(ctx context.Context, err error) event.Outcome {
	if _, held := errors.AsType[*lease.TakenError](err); held || lease.IsLost(err) {
		return event.Held
	}
	if _, ok := errors.AsType[*notPutBackError](err); ok {
		return event.Failed
	}
	if _, ok := errors.AsType[*interferedError](err); ok {
		return event.Failed
	}
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
