package move

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Prepare makes a move ready and holds there: the copy waits stopped on the target, with the
// offsets of now, and the origin keeps running. [Mover.Move] makes the cut later, and
// [Mover.Rollback] removes the copy again.
func (m *Mover) Prepare(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.withoutCut(ctx, request, func(r *run, _ pair.Request, _ check.Verdict, _ *prepared) {
		r.end(event.Prepared, fmt.Sprintf("is ready on %s, %s; `ferry move` or `ferry apply` makes the cut, `ferry rollback` undoes it",
			request.Target.Name, event.Entries(r.result.Entries)))
	})
}

// Rehearse does everything of a move that leaves the origin running, predicts the downtime, and
// removes what it put on the target. What an earlier run prepared there stays.
func (m *Mover) Rehearse(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.withoutCut(ctx, request, func(r *run, request pair.Request, verdict check.Verdict, copied *prepared) {
		if verdict.State == pair.NotBegun {
			r.cleanUp(ctx, request.To(), copied)
		}
		said := fmt.Sprintf("will be moved to %s, with %s", request.Target.Name, event.Entries(r.result.Entries))
		if r.result.ExpectedDowntimeMS != nil {
			said += fmt.Sprintf(", and will stand still for about %d ms", *r.result.ExpectedDowntimeMS)
		}
		r.end(event.Rehearsed, said)
	})
}

// withoutCut checks and prepares a move, and lets then conclude.
func (m *Mover) withoutCut(ctx context.Context, request pair.Request, then func(*run, pair.Request, check.Verdict, *prepared)) event.ConnectorResult {
	held, err := m.take(ctx, "move", request.Keys())
	if err != nil {
		return notTaken(ctx, m.newPairRun(request, ""), err)
	}
	defer held.release(ctx)
	return held.judge(m.prepareOnly(ctx, request.LeaseChecked(held.check), then))
}

func (m *Mover) prepareOnly(ctx context.Context, request pair.Request, then func(*run, pair.Request, check.Verdict, *prepared)) event.ConnectorResult {
	r := m.newPairRun(request, request.Target.Name)
	verdict, err := r.check(ctx, request)
	if left := r.leftAlone(request, verdict.Seen); left != nil {
		err = left
	}
	if err == nil && !verdict.State.Finished() {
		err = m.requireHardProof(request.Origin)
	}
	switch {
	case err != nil:
		return r.fail(ctx, err)
	case verdict.State.Finished():
		return r.alreadyMoved(ctx, request, verdict.Seen)
	case verdict.State == pair.HalfCopied || verdict.State == pair.Copied:
		return r.end(event.Unchanged, fmt.Sprintf("is at rest on both clusters (%s), `ferry move` finishes the move", verdict.State))
	}
	begun := time.Now()
	copied, err := r.prepare(ctx, request, verdict)
	if err != nil {
		return r.undo(ctx, request, verdict.Seen, nil, copied, err)
	}
	r.result.Entries, r.result.Copy = verdict.Basis.Offsets.Len(), verdict.Basis.Copy()
	if verdict.Seen.Was() == connect.Running {
		expected := check.Expected(m.expectedProof(request), r.result.Entries, time.Since(begun)).Milliseconds()
		r.result.ExpectedDowntimeMS = &expected
	}
	then(r, request, verdict, copied)
	if end, ok := r.observeEnd(ctx, request); ok && r.result.Outcome == event.Prepared && !end.Target.Exists {
		return r.deleted(ctx, request, request.To(), request.From(), nil)
	}
	return r.result
}

// expectedProof is the proof that a move will have.
func (m *Mover) expectedProof(request pair.Request) event.ProofKind {
	if _, unknown := request.Origin.StatusTopic(); unknown != nil || m.Options.Proof.Mode == proof.OnlyTimed {
		return event.Timed
	}
	return event.Hard
}
