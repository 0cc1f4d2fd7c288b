package command

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
)

// outcomeOf maps an error to the outcome of a run.
func outcomeOf(ctx context.Context, err error) event.Outcome {
	if failed, ok := errors.AsType[*outcome.NotPutBackError](err); ok {
		return outcomeOfPutBack(failed)
	}
	return outcome.Of(ctx, err)
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
