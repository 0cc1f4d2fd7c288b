package move

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

// notPutBackError says that the connector could not be put back, so that it is down. It
// hides the cause, so that the exit code does not promise that it was put back.
type notPutBackError struct{ cause, failure error }

func (e *notPutBackError) Error() string {
	return fmt.Sprintf("%s; and it was not put back: %s", e.cause, e.failure)
}

// deletedError says that somebody deleted the connector before its offsets were copied, so
// that it runs nowhere.
type deletedError struct {
	cause error // the failure that showed it; nil if it was seen like that
	gone  instance.Instance
}

func (e *deletedError) Error() string {
	said := fmt.Sprintf("somebody has deleted %s on %s in the middle of a move, so it runs nowhere", e.gone.Name, e.gone.On())
	if e.cause != nil {
		said += ": " + e.cause.Error()
	}
	return said
}

// regressedError says that a copy started behind the copied offsets.
type regressedError struct{ what string }

func (e *regressedError) Error() string { return e.what }

// ErrInterrupted is [event.ErrInterrupted].
var ErrInterrupted = event.ErrInterrupted

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// outcomeOf maps an error to the outcome of a run.
func outcomeOf(ctx context.Context, err error) event.Outcome {
	switch {
	case is[*lease.TakenError](err), lease.IsLost(err):
		return event.Held
	case is[*notPutBackError](err):
		return outcomeOfPutBack(err)
	case is[*proof.NotAllowedError](err):
		return event.NotBegun
	case instance.IsInterfered(err):
		return event.Failed
	case errors.Is(err, ErrInterrupted), errors.Is(context.Cause(ctx), ErrInterrupted):
		return event.Interrupted
	case is[*instance.RunningTwiceError](err):
		return event.RunningTwice
	case cluster.IsRefused(err), offsetstore.IsUnreadable(err):
		return event.Refused
	case is[*proof.NotProvenError](err):
		return event.NotProven
	case is[*connect.FailedError](err), is[*deletedError](err):
		return event.Down
	default:
		return event.Failed
	}
}

// outcomeOfPutBack tells a connector that is down from one that runs after all, because
// another run or a person has started it.
func outcomeOfPutBack(err error) event.Outcome {
	failed, _ := errors.AsType[*notPutBackError](err)
	switch {
	case is[*instance.RunningTwiceError](failed.failure):
		return event.RunningTwice
	case instance.IsInterfered(failed.failure):
		return event.Failed
	default:
		return event.Down
	}
}
