package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// Status returns where a move stands. It writes nothing.
func (m *Mover) Status(ctx context.Context, request pair.Request) event.ConnectorResult {
	r := m.begin(request, "")
	seen, err := request.Observe(ctx, m.Mask)
	if err != nil {
		return r.Fail(ctx, err)
	}
	r.RecordStates(seen)
	message := fmt.Sprintf("%s: %s on %s, %s on %s", seen.State(), seen.Origin, request.Origin.Name, seen.Target, request.Target.Name)
	if seen.State() == pair.RunningTwice {
		return r.End(event.RunningTwice, message)
	}
	if err := r.leftAlone(request, seen); err != nil {
		return r.End(event.Down, message+"; "+err.Error())
	}
	if of, err := failing(request, seen); err != nil {
		r.Result.Instructions = of.RestartAdvice()
		return r.End(event.Down, fmt.Sprintf("%s; on %s %s", message, of.On(), err))
	}
	switch seen.State() {
	case pair.HalfCopied, pair.Copied:
		r.Result.Instructions = "it runs on neither cluster; `ferry move` goes on with the move, `ferry rollback` takes it back"
	case pair.Absent:
		r.Result.Instructions = "check its name"
	case pair.NotBegun:
		if seen.Origin.AtRest() {
			r.Result.Instructions = request.DeletedCopyAdvice()
		}
	case pair.Unclear:
		if seen.TargetIdle() && !seen.Origin.Exists {
			r.Result.Instructions = request.DeletedOriginAdvice()
		}
	case pair.Prepared, pair.Moved, pair.Accepted, pair.RunningTwice:
	}
	return r.End(event.Observed, message)
}

// failing returns the side on which the connector should run and has failed.
func failing(request pair.Request, seen pair.Observation) (instance.Instance, error) {
	if err := seen.Origin.Failure(); err != nil {
		return request.From(), err
	}
	return request.To(), seen.Target.Failure()
}
