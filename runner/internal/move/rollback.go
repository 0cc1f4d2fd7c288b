package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
)

// Rollback undoes a move, wherever it stands. After a finished move the connector goes
// back to the origin with the target's newer offsets; an unfinished move is put back. The
// request is that of the move.
func (m *Mover) Rollback(ctx context.Context, request pair.Request) event.ConnectorResult {
	return m.leased(ctx, "rollback", request, request.Origin.Name, (*run).rollback)
}

func (r *run) rollback(ctx context.Context, request pair.Request) event.ConnectorResult {
	resumed := r.Follow(ctx, request.To())
	var seen pair.Observation
	err := r.Step("check", func() (detail string, err error) {
		seen, err = request.Observe(ctx, r.Mask)
		return string(seen.State()), err
	})
	if err != nil {
		return r.Fail(ctx, err)
	}
	r.RecordStates(seen)
	if err := r.leftAlone(request, seen); err != nil {
		return r.Fail(ctx, err)
	}
	if err := r.notMovedOn(ctx, request, seen); err != nil {
		return r.Fail(ctx, err)
	}
	origin, target := request.Origin.Name, request.Target.Name
	switch state := seen.State(); state {
	case pair.Absent:
		return r.Fail(ctx, request.Origin.Absent(request.Connector))
	case pair.NotBegun:
		if err := r.KeepsRunning(ctx, request.From(), seen.Origin); err != nil {
			return r.Fail(ctx, err)
		}
		if seen.Origin.AtRest() {
			r.Result.Instructions = request.DeletedCopyAdvice()
		}
		return r.End(event.Unchanged, fmt.Sprintf("is on %s (%s) and not on %s, nothing to take back", origin, seen.Origin.State(), target))
	case pair.Accepted:
		r.Result.Instructions = request.AcceptedAdvice()
		return r.Fail(ctx, cluster.Refused(fmt.Sprintf("the copy on %s is gone, so there is nothing to go back to; move it: `ferry move --origin %s --target %s`",
			origin, target, origin)))
	case pair.Unclear:
		return r.Fail(ctx, cluster.Refused(fmt.Sprintf("connector is %s on %s and %s on %s, which is no state of a move",
			seen.Origin, origin, seen.Target, target)))
	case pair.RunningTwice:
		return r.Fail(ctx, &instance.RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s; stop one of the two now", origin, target)})
	case pair.Prepared:
		return r.abandon(ctx, request, seen)
	case pair.HalfCopied, pair.Copied:
		return r.rollBackStopped(ctx, request, seen, resumed)
	case pair.Moved:
		return r.rollBack(ctx, request, seen, resumed)
	default:
		return r.Fail(ctx, fmt.Errorf("state %q is not known to rollback", state))
	}
}

// abandon puts back a move whose copy never ran.
func (r *run) abandon(ctx context.Context, request pair.Request, seen pair.Observation) event.ConnectorResult {
	from, was := request.From(), seen.Was()
	if seen.TargetIdle() {
		if err := r.KeepsRunning(ctx, from, seen.Origin); err != nil {
			return r.Fail(ctx, err)
		}
		return r.End(event.Unchanged, fmt.Sprintf("is on %s (%s), nothing to take back", from.On(), seen.Origin.State()))
	}
	r.Result.Changed = true
	if seen.TargetWaits() { // the cut was not begun, so the origin is as its owner wants it
		r.cleanUp(ctx, request.To(), &prepared{created: true, seen: true})
		r.ObserveEnd(ctx, request)
		return r.End(event.PutBack, fmt.Sprintf("is %s on %s, the prepared copy on %s has been removed", seen.Origin.State(), from.On(), request.Target.Name))
	}
	// Whether its tasks had failed before does not matter: it is asked to run now.
	if err := r.Step("put_back", func() (string, error) { return from.Restore(ctx, was, connect.Status{}, r.Options.Watch) }); err != nil {
		r.AdviseRestart(from, err)
		return r.FailObserved(ctx, request, err)
	}
	r.cleanUp(ctx, request.To(), &prepared{})
	if config.BackState(seen.Origin.Config) != "" && was == connect.Paused {
		if err := from.Unmark(ctx); err != nil {
			r.Note(event.Warn, "the mark in the config on %s cannot be removed: %s", from.On(), connect.Message(err))
		}
	}
	r.ObserveEnd(ctx, request)
	if seen.Origin.State() == was {
		return r.End(event.PutBack, fmt.Sprintf("is %s on %s as before; to take back a move from %s to %s, exchange --origin and --target",
			was, from.On(), request.Target.Name, from.On()))
	}
	return r.End(event.PutBack, fmt.Sprintf("is %s on %s, what was begun has been undone", was, from.On()))
}

// rollBackStopped decides which of two stopped copies is further ahead.
func (r *run) rollBackStopped(ctx context.Context, request pair.Request, seen pair.Observation, resumed resumes.Follower) event.ConnectorResult {
	if seen.RollingBack() {
		return r.rollBack(ctx, request, seen, resumed) // an earlier rollback got this far
	}
	if seen.State() != pair.HalfCopied {
		return r.abandon(ctx, request, seen)
	}
	ran, err := copyRan(ctx, request, seen)
	switch {
	case err != nil:
		return r.Fail(ctx, cluster.Refused(fmt.Sprintf("both copies are stopped, their offsets differ, and %s does not tell whether its copy has run (%s); "+
			"start the right one with `ferry start`", request.Target.Name, connect.Message(err))))
	case ran:
		return r.rollBack(ctx, request, seen, resumed)
	default:
		return r.abandon(ctx, request, seen)
	}
}

// rollBack moves the connector the other way.
func (r *run) rollBack(ctx context.Context, request pair.Request, seen pair.Observation, resumed resumes.Follower) event.ConnectorResult {
	origin := request.Origin.Name
	r.Result.WasState = seen.WasOnTarget()
	var c *cutover
	err := r.Step("prepare", func() (detail string, err error) {
		c, err = r.prepareBack(ctx, request, seen)
		return fmt.Sprintf("copy on %s waits stopped", origin), err
	})
	if err != nil {
		return r.Fail(ctx, err)
	}
	r.Result.Changed = true
	c.rest.Resumes = resumed
	if err := c.do(ctx); err != nil {
		return r.rollbackFailed(ctx, request, seen, c, err)
	}
	r.cleanUp(ctx, request.To(), &prepared{})
	c.unmarkPaused(ctx, request)
	if end, ok := r.ObserveEnd(ctx, request); ok && !end.Origin.Exists {
		return r.deleted(ctx, request, request.From(), request.To(), nil)
	}
	message := fmt.Sprintf("back on %s with its progress, %s proof, %s", origin, c.rest.Proof.Kind, event.Entries(c.rest.Final.Len()))
	if r.Result.DowntimeMS != nil {
		message += fmt.Sprintf(", down for %d ms", *r.Result.DowntimeMS)
	}
	return r.End(event.RolledBack, message+c.transfer.translate.suffix())
}

// prepareBack checks that a rollback is possible, and marks the origin's copy with the
// state to end in: once the target's copy is stopped, no cluster shows it any more.
func (r *run) prepareBack(ctx context.Context, request pair.Request, seen pair.Observation) (*cutover, error) {
	from, to := request.To(), request.From()
	if err := r.RequireHardProof(from.Cluster); err != nil {
		return nil, err
	}
	for _, side := range []instance.Instance{from, to} {
		if _, err := side.Cluster.Server(ctx); err != nil {
			return nil, err
		}
	}
	back, reversed := request.Back(), seen.Back()
	was, group := seen.WasOnTarget(), ""
	if seen.Target.Sink() {
		group = config.Group(from.Name, seen.Target.Config)
	}
	c := &cutover{
		run:      r,
		rest:     &command.Rest{Run: r.Run, Of: from, Config: seen.Target.Config, Subject: proof.Subject{Connector: from.Name, Group: group}},
		transfer: &transfer{run: r, to: to, group: group, shared: back.Shared(seen.Target.Sink(), seen.Target.Config, seen.Origin.Config)},
		keep:     was, marked: true, tasksChanged: request.Changes(tasksMax),
	}
	method := back.Method(true)
	if group == "" || !c.transfer.shared {
		opened, err := back.Open(ctx, reversed)
		if err != nil {
			return nil, err
		}
		method, c.rest.Subject.Snapshot = opened.Method, opened.Offsets
		if c.transfer.have, err = opened.To.Read(ctx); err != nil {
			return nil, fmt.Errorf("on %s: %w", to.On(), err)
		}
		if group != "" && from.Cluster.OtherKafka(to.Cluster) && !request.SameLog {
			if c.transfer.translate, err = r.translationBack(ctx, request, seen, c.transfer.have, opened.Offsets); err != nil {
				return nil, err
			}
		}
	}
	if err := c.open(back, reversed, method); err != nil {
		return nil, err
	}
	return c, to.MarkBack(ctx, was)
}

// translationBack returns the translation of a sink's offsets for the rollback, nil if
// the move did not translate them. It needs no --at-least-once: a rollback is always
// allowed.
func (r *run) translationBack(ctx context.Context, request pair.Request, seen pair.Observation, own, theirs offset.Document) (*translation, error) {
	path, err := mirror.FindBack(ctx, request.MirrorSearch(own, seen.Origin.Config, seen.Target.Config), theirs)
	if err != nil || path == nil {
		return nil, err
	}
	return &translation{run: r, through: func(ctx context.Context, theirs offset.Document) (mirror.Translation, error) {
		return path.Back(ctx, own, theirs)
	}}, nil
}

// rollbackFailed restores the connector on the target, unless the origin's copy may
// already run.
func (r *run) rollbackFailed(ctx context.Context, request pair.Request, seen pair.Observation, c *cutover, cause error) event.ConnectorResult {
	from, to := request.To(), request.From()
	switch {
	case lease.IsLost(cause):
		return r.FailObserved(ctx, request, cause)
	case c.startRequested && wasDeleted(ctx, to, cause):
		return r.deleted(ctx, request, to, from, cause)
	case outcome.Is[*connect.FailedError](cause) && c.startRequested:
		r.Result.Instructions = to.RestartAdvice()
		return r.FailObserved(ctx, request, fmt.Errorf("stopped on %s, and does not run on %s: %w", from.On(), to.On(), cause))
	case c.startRequested:
		r.Result.Instructions = "look at both clusters with `ferry status`; the copy on " + to.On() + " was asked to start"
		return r.FailObserved(ctx, request, cause)
	case instance.IsInterfered(cause):
		r.Result.Instructions = interferedAdvice
		return r.FailObserved(ctx, request, cause)
	}
	if wasDeleted(ctx, from, cause) {
		return r.deleted(ctx, request, from, to, cause)
	}
	if err := r.PutBack(ctx, from, c.keep, seen.Target.Status, to); err != nil {
		if wasDeleted(ctx, from, err) {
			return r.deleted(ctx, request, from, to, cause)
		}
		return r.FailObserved(ctx, request, &outcome.NotPutBackError{Cause: cause, Failure: err})
	}
	if err := to.Unmark(context.WithoutCancel(ctx)); err != nil {
		r.Note(event.Warn, "the mark on %s cannot be removed: %s", to.On(), connect.Message(err))
	}
	result := r.FailObserved(ctx, request, cause)
	result.Message += fmt.Sprintf("; %s is on %s as before", from.Name, from.On())
	return result
}
