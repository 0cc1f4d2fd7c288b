package instance

import (
	"context"
	"errors"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// UntilAnswered sends a request, and sends it again for up to limit while no worker answers
// or the cluster rebalances. done is told each such failure and may end it, for example
// because the cluster shows that the request was carried out.
func (i Instance) UntilAnswered(ctx context.Context, limit time.Duration, send func(context.Context, *connect.Client) error, done func(context.Context, error) bool) error {
	once := i.client().RetryFor(0)
	var last error
	err := wait.Until(ctx, "an answer", limit, func(ctx context.Context) (bool, string, error) {
		last = send(ctx, once)
		if last == nil || !connect.IsTemporary(last) {
			return last == nil, "", last
		}
		return done(ctx, last), last.Error(), nil
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); ok {
		return last
	}
	return err
}

// Ask asks for a state, RUNNING, PAUSED or STOPPED, for up to limit. If the answer is lost,
// the request counts as carried out once the cluster shows the state. That says nothing
// about the tasks.
func (i Instance) Ask(ctx context.Context, state connect.State, limit time.Duration) error {
	send := func(ctx context.Context, once *connect.Client) error {
		switch state {
		case connect.Stopped:
			return once.Stop(ctx, i.Name)
		case connect.Paused:
			return once.Pause(ctx, i.Name)
		case connect.Running, connect.Failed, connect.Unassigned, connect.Restarting:
		}
		return once.Resume(ctx, i.Name)
	}
	return i.UntilAnswered(ctx, limit, send, func(ctx context.Context, _ error) bool {
		status, err := i.client().RetryFor(0).Status(ctx, i.Name)
		return err == nil && status.Connector.State == state
	})
}
