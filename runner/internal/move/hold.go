package move

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Prepare makes a move ready and holds there: the copy waits stopped on the target, with the
// offsets of now, and the origin keeps running. [Mover.Move] makes the cut later, and
// [Mover.Rollback] removes the copy again.
func (m *Mover) Prepare(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.withoutCut(ctx, request, config.Held)
}

// Rehearse does everything of a move that leaves the origin running, predicts the downtime, and
// removes what it put on the target. What was on the target before stays as it is, and then
// only the checks are made.
func (m *Mover) Rehearse(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.withoutCut(ctx, request, config.Rehearsal)
}

// withoutCut checks and prepares a move. waits is the mark of its copy.
func (m *Mover) withoutCut(ctx context.Context, request pair.Request, waits connect.State) event.ConnectorResult {
	r := m.begin(request, request.Target.Name)
	return m.Leased(ctx, "move", r.Run, request.Keys(), func(check func(context.Context) error) event.ConnectorResult {
		return r.prepareOnly(ctx, request.LeaseChecked(check), waits)
	})
}

func (r *run) prepareOnly(ctx context.Context, request pair.Request, waits connect.State) event.ConnectorResult {
	verdict, err := r.check(ctx, request)
	if left := r.leftAlone(request, verdict.Seen); left != nil {
		err = left
	}
	if err == nil && !verdict.State.Finished() {
		err = r.RequireHardProof(request.Origin)
	}
	switch {
	case err != nil:
		return r.Fail(ctx, err)
	case verdict.State.Finished():
		return r.alreadyMoved(ctx, request, verdict.Seen)
	case verdict.Seen.Origin.AtRest() && verdict.Seen.Was() == connect.Running:
		r.Result.Instructions = "finish the move with `ferry move`, or let it run on the origin with `ferry rollback`"
		return r.End(event.Down, fmt.Sprintf("a move of it was begun and not finished (%s): it runs on neither cluster", verdict.State))
	}
	r.Result.Entries, r.Result.Copy = verdict.Basis.Offsets.Len(), verdict.Basis.Copy()
	if waits == config.Rehearsal && verdict.Seen.Target.Exists && config.KeepState(verdict.Seen.Target.Config) != config.Rehearsal {
		return r.rehearsed(request, verdict, 0, "; its copy waits there already and was left as it is")
	}
	begun := time.Now()
	copied, err := r.prepare(ctx, request, verdict, waits)
	if err != nil {
		return r.undo(ctx, request, verdict.Seen, nil, copied, err)
	}
	took := time.Since(begun)
	if waits == config.Rehearsal {
		copied.created = true // or by a rehearsal that was killed
		r.cleanUp(ctx, request.To(), copied)
		r.ObserveEnd(ctx, request)
		return r.rehearsed(request, verdict, took, "")
	}
	if end, ok := r.ObserveEnd(ctx, request); ok && !end.Target.Exists {
		return r.deleted(ctx, request, request.To(), request.From(), nil)
	}
	r.expect(request, verdict, took)
	return r.End(event.Prepared, fmt.Sprintf("is ready on %s, %s; `ferry move` or `ferry apply` makes the cut, `ferry rollback` removes the copy",
		request.Target.Name, event.Entries(r.Result.Entries)))
}

// rehearsed says what a move will do.
func (r *run) rehearsed(request pair.Request, verdict check.Verdict, took time.Duration, more string) event.ConnectorResult {
	r.expect(request, verdict, took)
	said := fmt.Sprintf("will be moved to %s, with %s", request.Target.Name, event.Entries(r.Result.Entries))
	if r.Result.ExpectedDowntimeMS != nil {
		said += fmt.Sprintf(", and will stand still for about %d ms", *r.Result.ExpectedDowntimeMS)
	}
	return r.End(event.Rehearsed, said+more)
}

// expect predicts the downtime of a connector that runs. took is how long its offsets took.
func (r *run) expect(request pair.Request, verdict check.Verdict, took time.Duration) {
	if verdict.Seen.Was() == connect.Running {
		expected := check.Expected(proof.Expected(request.Origin, r.Options.Proof.Mode), r.Result.Entries, took).Milliseconds()
		r.Result.ExpectedDowntimeMS = &expected
	}
}
