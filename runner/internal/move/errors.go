package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
)

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

// outcomeOf maps an error to the outcome of a run.
func outcomeOf(ctx context.Context, err error) event.Outcome {
	if failed, ok := errors.AsType[*outcome.NotPutBackError](err); ok {
		return outcomeOfPutBack(failed)
	}
	of := outcome.Of(ctx, err)
	if of == event.Failed && outcome.Is[*deletedError](err) {
		return event.Down
	}
	return of
}

// outcomeOfPutBack tells a connector that is down from one that runs after all, because
// another run or a person has started it.
func outcomeOfPutBack(failed *outcome.NotPutBackError) event.Outcome {
	switch {
	case outcome.Is[*instance.RunningTwiceError](failed.Failure):
		return event.RunningTwice
	case instance.IsInterfered(failed.Failure):
		return event.Failed
	default:
		return event.Down
	}
}
