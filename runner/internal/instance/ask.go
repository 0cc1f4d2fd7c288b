package instance

import (
	"context"
	"errors"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Ask asks for a state, RUNNING, PAUSED or STOPPED. It asks again for up to limit while
// no worker answers or the cluster rebalances. If the answer is lost, the request counts
// as carried out once the cluster shows the state. That says nothing about the tasks.
func (i Instance) Ask(ctx context.Context, state connect.State, limit time.Duration) error {
	once := i.client().RetryFor(0)
	send := once.Resume
	switch state {
	case connect.Stopped:
		send = once.Stop
	case connect.Paused:
		send = once.Pause
	case connect.Running, connect.Failed, connect.Unassigned, connect.Restarting:
	}
	var last error
	err := wait.Until(ctx, "an answer", limit, func(ctx context.Context) (bool, string, error) {
		last = send(ctx, i.Name)
		if last == nil || !connect.IsTemporary(last) {
			return last == nil, "", last
		}
		status, err := once.Status(ctx, i.Name)
		return err == nil && status.Connector.State == state, last.Error(), nil
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); ok {
		return last
	}
	return err
}
