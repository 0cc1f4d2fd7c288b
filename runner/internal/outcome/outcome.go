// Package outcome says what an error that ended a run means for the connector: whether it was
// refused, is down, or is held by another run.
package outcome

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// NotPutBackError says that connectors could not be put back, so that they are down. It hides
// the cause, so that the exit code does not promise that they were put back.
type NotPutBackError struct{ Cause, Failure error }

func (e *NotPutBackError) Error() string {
	return fmt.Sprintf("%s; and it was not put back: %s", e.Cause, e.Failure)
}

// RegressedError says that a connector started behind the offsets that it was given.
type RegressedError struct{ What string }

func (e *RegressedError) Error() string { return e.What }

// DeletedError says that somebody deleted the connector before its offsets were copied, so
// that it runs nowhere.
type DeletedError struct {
	Cause error // the failure that showed it; nil if it was seen like that
	Gone  instance.Instance
}

func (e *DeletedError) Error() string {
	said := fmt.Sprintf("somebody has deleted %s on %s in the middle of a move, so it runs nowhere", e.Gone.Name, e.Gone.On())
	if e.Cause != nil {
		said += ": " + e.Cause.Error()
	}
	return said
}

// Is reports whether an error is an E.
func Is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// Of maps an error to the outcome of a run. ctx is that of the run.
func Of(ctx context.Context, err error) event.Outcome {
	switch {
	case Is[*lease.TakenError](err), lease.IsLost(err):
		return event.Held
	case Is[*NotPutBackError](err):
		return event.Down
	case Is[*proof.NotAllowedError](err):
		return event.NotBegun
	case instance.IsInterfered(err):
		return event.Failed
	case errors.Is(err, event.ErrInterrupted), errors.Is(context.Cause(ctx), event.ErrInterrupted):
		return event.Interrupted
	case Is[*instance.RunningTwiceError](err):
		return event.RunningTwice
	case cluster.IsRefused(err), offsetstore.IsUnreadable(err):
		return event.Refused
	case Is[*proof.NotProvenError](err):
		return event.NotProven
	case Is[*connect.FailedError](err), Is[*DeletedError](err):
		return event.Down
	default:
		return event.Failed
	}
}
