package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
)

// PutBack restores the state a connector had, unless one of its copies runs. before is its
// status then. It returns an [instance.InterferedError] if one does, and advises how to bring the
// connector back by hand if it cannot. It ignores that ctx is cancelled, which is one of the
// reasons to put back.
func (r *Run) PutBack(ctx context.Context, of instance.Instance, keep connect.State, before connect.Status, copies ...instance.Instance) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Options.PutBack)
	defer cancel()
	r.Destination = of.On()
	return r.Step("put_back", func() (string, error) {
		for _, copied := range copies {
			if err := r.refuseRunningCopy(ctx, of, copied); err != nil {
				return "", err
			}
		}
		detail, err := of.Restore(ctx, keep, before, r.Options.Watch)
		if err == nil && keep == connect.Running {
			r.Evidence.RunsAgain(of.On(), time.Now())
		}
		switch {
		case outcome.Is[*connect.FailedError](err):
			r.Result.Instructions = of.RestartAdvice()
		case err != nil:
			verb := map[connect.State]string{connect.Paused: "pause", connect.Stopped: "stop"}[keep]
			r.Result.Instructions = cmp.Or(r.Result.Instructions, fmt.Sprintf("bring the connector on %s back by hand: PUT %s, then `ferry status`",
				of.On(), of.URL(cmp.Or(verb, "resume"))))
		}
		return detail, err
	})
}

// refuseRunningCopy makes sure, before a connector is put back, that its copy does not
// run: this run has not started it, but another may have. A copy that cannot be read
// counts as at rest: the connector must not stay down because the other cluster does not
// answer.
func (r *Run) refuseRunningCopy(ctx context.Context, of, copied instance.Instance) error {
	if copied.Gone(ctx) { // do not wait for it to be at rest while the connector is down
		return nil
	}
	started, ok := errors.AsType[*instance.InterferedError](copied.AwaitRest(ctx))
	if !ok {
		return nil
	}
	r.Result.Instructions = "look at both clusters with `ferry status`"
	return instance.Interfered("%s, so the one on %s is left as it is", started.What, of.On())
}
