package move

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// wasDeleted reports whether a failure comes from the connector's being deleted. What the
// leader said counts: a worker that lags behind may still show the connector.
func wasDeleted(ctx context.Context, of instance.Instance, failure error) bool {
	if gone, ok := errors.AsType[*instance.GoneError](failure); ok && gone.On == of.On() {
		return true
	}
	return connect.IsNotFound(failure) && of.Gone(context.WithoutCancel(ctx))
}

// leftAlone returns an error if only the stopped copy of an unfinished move is left, and adds
// what to do to the result.
func (r *run) leftAlone(request pair.Request, seen pair.Observation) error {
	gone, kept := request.From(), request.To()
	switch {
	case seen.OriginDeleted():
		r.Result.WasState = config.KeepState(seen.Target.Config)
	case seen.TargetDeleted():
		gone, kept = kept, gone
		r.Result.WasState = config.BackState(seen.Origin.Config)
	default:
		return nil
	}
	r.Result.Instructions = r.recreateAdvice(request, gone, kept)
	return &outcome.DeletedError{Gone: gone}
}

// deleted ends a run whose connector somebody deleted on one side while it rested on the
// other. The stopped copy is kept: it is all that is left of the config.
func (r *run) deleted(ctx context.Context, request pair.Request, gone, kept instance.Instance, cause error) event.ConnectorResult {
	r.Result.Instructions = r.recreateAdvice(request, gone, kept)
	return r.FailObserved(ctx, request, &outcome.DeletedError{Cause: cause, Gone: gone})
}

// recreateAdvice says how to bring back a connector of which only its stopped copy is left.
// Connect keeps the offsets of a deleted connector, a sink's in its group: created again
// under its name, it has its last ones.
func (r *run) recreateAdvice(request pair.Request, gone, kept instance.Instance) string {
	changed := ""
	if len(request.Set)+len(request.Unset) > 0 {
		changed = ", with the settings as overridden for " + kept.On()
		if gone.Cluster == request.Target {
			changed = "; add the --set and --unset of the move"
		}
	}
	then := "finish with `ferry move`, or let it run there with `ferry rollback`"
	switch started := r.started(gone); {
	case started && gone.Cluster == request.Target:
		then = fmt.Sprintf("let it run on with `%s`, or take it back with `ferry rollback`", pair.StartCommand(gone))
	case started:
		then = fmt.Sprintf("run `%s`", pair.StartCommand(gone))
	case gone.Cluster == request.Target:
		then = "run `ferry rollback` again"
	}
	return fmt.Sprintf("its config is in the stopped copy on %s, and Connect keeps its last offsets: `%s` brings it back, stopped, with both%s; then %s. "+
		"If it should be gone, delete the copy on %s too; do not start that copy by hand", kept.On(), pair.RecreateCommand(gone, kept, r.Result.WasState), changed, then, kept.On())
}

// started reports whether this run has asked the connector to start on that side.
func (r *run) started(side instance.Instance) bool {
	return r.Destination == side.On() && slices.ContainsFunc(r.Result.Steps, func(step event.Step) bool { return step.Step == "start" })
}
