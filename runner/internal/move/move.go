package move

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

const tasksMax = "tasks.max"

// Move moves a connector to the target, or continues a move that was begun. The connector
// ends in the state it had, on exactly one cluster.
func (m *Mover) Move(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.leased(ctx, "move", request, request.Target.Name, (*run).move)
}

func (r *run) move(ctx context.Context, request pair.Request) event.ConnectorResult {
	resumed := r.Follow(ctx, request.From())
	verdict, err := r.check(ctx, request)
	if left := r.leftAlone(request, verdict.Seen); left != nil {
		err = left
	}
	switch {
	case err != nil:
		return r.Fail(ctx, err)
	case verdict.Seen.RollingBack():
		return r.Fail(ctx, cluster.Refused(fmt.Sprintf("a rollback to %s is not finished, run `ferry rollback` again first", request.Origin.Name)))
	case verdict.State.Finished():
		return r.alreadyMoved(ctx, request, verdict.Seen)
	}
	if err := r.notMovedOn(ctx, request, verdict.Seen); err != nil {
		return r.Fail(ctx, err)
	}
	if err := r.RequireHardProof(request.Origin); err != nil {
		return r.Fail(ctx, err)
	}
	var c *cutover
	copied, err := r.prepare(ctx, request, verdict, "")
	if err == nil {
		c, err = r.forward(request, verdict, copied)
	}
	if err == nil {
		c.rest.Resumes = resumed
		c.followOffsets(ctx, request, verdict, copied)
		err = c.do(ctx)
	}
	if err != nil && r.mover.AtFailure != nil && !outcome.Is[*proof.NotAllowedError](err) {
		r.mover.AtFailure(request.Connector)
	}
	switch {
	case err == nil:
		return r.moved(ctx, request, verdict.Seen, c)
	case outcome.Is[*instance.RunningTwiceError](err):
		return r.FailObserved(ctx, request, err)
	case c != nil && c.startRequested:
		return r.rollBackFailedStart(ctx, request, c, err)
	default:
		return r.undo(ctx, request, verdict.Seen, c, copied, err)
	}
}

// forward returns the cutover from the origin to the target.
func (r *run) forward(request pair.Request, verdict check.Verdict, copied *prepared) (*cutover, error) {
	basis, was := verdict.Basis, verdict.Seen.Was()
	c := &cutover{
		run: r,
		rest: &command.Rest{
			Run: r.Run, Of: request.From(), Config: verdict.Seen.Origin.Config,
			Subject: proof.Subject{Connector: request.Connector, Group: basis.Group, Snapshot: basis.Offsets},
		},
		transfer: &transfer{run: r, to: request.To(), group: basis.Group, shared: basis.Shared, have: copied.offsets, wrote: copied.wrote},
		keep:     was, marked: was == connect.Paused, tasksChanged: request.Changes(tasksMax), path: basis.Path,
		preliminary: !basis.Shared,
	}
	if basis.Path != nil {
		c.transfer.translate = &translation{run: r, through: basis.Path.Forward}
	}
	return c, c.open(request, verdict.Seen, basis.Stores.Method)
}

// alreadyMoved reports that nothing is left to do, or fails if the copy has failed.
func (r *run) alreadyMoved(ctx context.Context, request pair.Request, seen pair.Observation) event.ConnectorResult {
	target := seen.Target
	if err := r.KeepsRunning(ctx, request.To(), target); err != nil {
		r.Result.Instructions = request.To().RestartAdvice() + "; or take it back with `ferry rollback`"
		return r.Fail(ctx, fmt.Errorf("is moved, but %w", err))
	}
	message := fmt.Sprintf("is on %s already (%s), nothing to do", request.Target.Name, target.State())
	if result := seen.Translated; result != nil {
		r.Result.SentAgain = result.Counted()
		message += fmt.Sprintf("; at least once: %s when it is started", result)
	}
	if origin := seen.Origin; origin.Exists {
		if differing := config.Differing(config.WithoutMarks(target.Config), request.CopyConfig(origin.Config)); len(differing) > 0 {
			message += fmt.Sprintf("; its config there differs in %s from what was asked for", strings.Join(differing, ", "))
		}
	}
	r.keepStanding(ctx, request, seen)
	if planned := request.Planned; planned != nil && !seen.Origin.Exists && config.WithoutMarks(target.Config).Value().SHA256() != planned.CopySHA256 {
		message += "; its config there is not the one that was planned"
	}
	return r.End(event.Unchanged, message)
}

func (r *run) moved(ctx context.Context, request pair.Request, seen pair.Observation, c *cutover) event.ConnectorResult {
	c.unmarkPaused(ctx, request)
	r.Result.Changed = true
	r.Result.ConfigHash = &event.Hashes{Origin: config.WithoutMarks(seen.Origin.Config).Value().SHA256()}
	if end, ok := r.ObserveEnd(ctx, request); ok {
		if !end.Target.Exists {
			return r.deleted(ctx, request, request.To(), request.From(), nil)
		}
		r.Result.ConfigHash.Target = config.WithoutMarks(end.Target.Config).Value().SHA256()
	}
	message := fmt.Sprintf("moved to %s, %s proof, %s", request.Target.Name, r.Result.Proof.Kind, event.Entries(r.Result.Entries))
	if r.Result.DowntimeMS != nil {
		message += fmt.Sprintf(", down for %d ms", *r.Result.DowntimeMS)
	}
	if was := r.Result.WasState; was != connect.Running {
		message += fmt.Sprintf(", %s as before", was)
	}
	return r.End(event.Moved, message+c.transfer.translate.suffix())
}
