package move

import (
	"cmp"
	"context"
	"errors"
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
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

const interferedAdvice = "find out who else works on it; nothing was undone, `ferry status` says where it stands"

// undo puts the origin back after a failure before the start of the copy. c is nil if the
// failure came before the cutover.
func (r *run) undo(ctx context.Context, request pair.Request, seen pair.Observation, c *cutover, copied *prepared, cause error) event.ConnectorResult {
	if lease.IsLost(cause) { // every write would be refused
		return r.FailObserved(ctx, request, cause)
	}
	if instance.IsInterfered(cause) {
		r.Result.Instructions = interferedAdvice
		return r.FailObserved(ctx, request, cause)
	}
	from, keep := request.From(), seen.Was()
	if copied.seen && wasDeleted(ctx, from, cause) {
		return r.deleted(ctx, request, from, request.To(), cause)
	}
	begun := c != nil && c.rest.Attempt != nil
	// A connector that an earlier run stopped is put back too: once the copy is marked
	// idle, nothing shows any more that the connector should run.
	stoppedEarlier := seen.Origin.State() != keep
	if begun || stoppedEarlier && r.Result.Changed {
		err := r.refuseRecreated(ctx, request.To(), cause)
		if err == nil {
			err = r.PutBack(ctx, from, keep, seen.Origin.Status, request.To())
		}
		if err != nil {
			if wasDeleted(ctx, from, err) {
				return r.deleted(ctx, request, from, request.To(), cause)
			}
			return r.FailObserved(ctx, request, &outcome.NotPutBackError{Cause: cause, Failure: err})
		}
		stoppedEarlier = false
	}
	// A run that failed before it prepared anything has nothing to remove.
	if held := config.KeepState(seen.Target.Config) == config.Held; held && outcome.Is[*proof.NotAllowedError](cause) {
		if err := request.To().MarkHeld(context.WithoutCancel(ctx)); err != nil {
			r.Note(event.Warn, "the prepared copy on %s is left as it is: %s", request.To().On(), connect.Message(err))
		}
	} else if copied.created || r.Result.Changed {
		if c != nil {
			copied.offsets = c.transfer.have
		}
		r.cleanUp(ctx, request.To(), copied)
	}
	result := r.FailObserved(ctx, request, cause)
	if refused, ok := errors.AsType[*proof.NotAllowedError](cause); ok {
		result.Changed, result.Message = false, "not begun, since "+event.OneLine(refused.Reason)
		return result
	}
	if stoppedEarlier && result.Outcome != event.Refused {
		result.Message += fmt.Sprintf("; %s is %s on %s, as an earlier run left it", from.Name, seen.Origin.State(), from.On())
		result.Instructions = cmp.Or(result.Instructions, "go on with `ferry move`, or undo it with `ferry rollback`")
		return result
	}
	result.Message += fmt.Sprintf("; %s is on %s as before", from.Name, from.On())
	if begun && result.Outcome == event.Refused {
		result.Outcome = event.Failed // Refused would say that nothing was touched
	}
	return result
}

// refuseRecreated makes sure that a copy found deleted is not there again. If its marks were
// patched at that moment, the worker may have read the config before the deletion and written
// it after: that creates the connector anew, running (DistributedHerder.patchConnectorConfig).
// Its status does not tell: the one from before the deletion can be read for a while.
func (r *run) refuseRecreated(ctx context.Context, copied instance.Instance, cause error) error {
	if !instance.IsGone(cause) || !wasDeleted(ctx, copied, cause) || copied.Gone(context.WithoutCancel(ctx)) {
		return nil
	}
	r.Result.Instructions = "look at both clusters with `ferry status`: the copy has the final offsets and may run"
	return instance.Interfered("the copy on %s was deleted and is there again, so the origin is left as it is", copied.On())
}

// cleanUp removes what a failed move put on the target: the copy it created and the
// offsets of its rehearsal. A copy that was there before is marked idle instead, so that
// the next move does not continue this one.
func (r *run) cleanUp(ctx context.Context, to instance.Instance, copied *prepared) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Options.PutBack)
	defer cancel()
	if copied.seen && to.Gone(ctx) {
		r.Note(event.Warn, "the copy on %s is gone: somebody has removed it", to.On())
		return
	}
	if started, ok := errors.AsType[*instance.InterferedError](to.AwaitRest(ctx)); ok {
		r.Note(event.Warn, "the copy on %s is left as it is: %s", to.On(), started)
		return
	}
	if !copied.created {
		if err := to.MarkIdle(ctx); err != nil {
			r.Note(event.Warn, "the stopped copy on %s is left as it is: %s", to.On(), connect.Message(err))
		}
		return
	}
	if copied.offsets.Len() > 0 && copied.store != nil {
		if _, err := offsetstore.MakeEqual(ctx, to.On(), copied.store, offset.Document{}, copied.offsets); err != nil {
			r.Note(event.Warn, "offsets of the rehearsal are left on %s: %s", to.On(), connect.Message(err))
		}
	}
	if err := to.Delete(ctx, cluster.DowntimeRetry); err != nil {
		r.Note(event.Warn, "a stopped copy is left on %s: %s", to.On(), connect.Message(err))
	}
}

// rollBackFailedStart takes back a connector that failed right after its start on the
// target, or that may have started there, with the progress it made.
func (r *run) rollBackFailedStart(ctx context.Context, request pair.Request, c *cutover, cause error) event.ConnectorResult {
	if lease.IsLost(cause) {
		return r.FailObserved(ctx, request, cause)
	}
	from, to := request.From(), request.To()
	if wasDeleted(ctx, to, cause) {
		return r.deleted(ctx, request, to, from, cause)
	}
	r.Destination = from.On()
	r.Note(event.Error, "%s; taking it back to %s", cause, from.On())
	ctx = context.WithoutCancel(ctx)
	back := r.reversed(from, to, c)
	progress := "with its progress"
	if outcome.Is[*outcome.RegressedError](cause) {
		back.transfer.keepOwn, progress = true, "with the offsets it had, since the copy's are behind them"
	}
	err := from.MarkBack(ctx, c.keep)
	if err == nil {
		err = back.do(ctx)
	}
	if err != nil {
		r.Result.Instructions = "look at both clusters with `ferry status`, then run `ferry rollback` again"
		return r.FailObserved(ctx, request, &outcome.NotPutBackError{Cause: cause, Failure: err})
	}
	if there := c.transfer.translate; there != nil { // both ways count
		r.Result.SentAgain = sum(there.sentAgain, back.transfer.translate.sentAgain)
	}
	r.cleanUp(ctx, to, &prepared{})
	back.unmarkPaused(ctx, request)
	r.ObserveEnd(ctx, request)
	r.End(event.RolledBack, fmt.Sprintf("%s; rolled back to %s %s, %s", cause, from.On(), progress, event.Entries(back.transfer.have.Len())))
	r.AddHanging(ctx, cause)
	return r.Result
}

// reversed returns the cutover that reverses c.
func (r *run) reversed(from, to instance.Instance, c *cutover) *cutover {
	back := &cutover{
		run: r,
		rest: &command.Rest{
			Run: r.Run, Of: to, Store: c.transfer.store, Undoing: true,
			Subject: proof.Subject{Connector: to.Name, Group: c.rest.Subject.Group},
		},
		transfer: &transfer{
			run: r, to: from, store: c.rest.Store, method: c.transfer.method, external: c.transfer.external,
			group: c.transfer.group, shared: c.transfer.shared, have: c.rest.Final,
		},
		keep: c.keep, marked: true, tasksChanged: c.tasksChanged,
	}
	if c.path != nil {
		own := c.rest.Final
		back.transfer.translate = &translation{run: r, through: func(ctx context.Context, theirs offset.Document) (mirror.Translation, error) {
			return c.path.Back(ctx, own, theirs)
		}}
	}
	return back
}

// sum returns nil if one of the numbers is not known.
func sum(numbers ...*int64) *int64 {
	var total int64
	for _, number := range numbers {
		if number == nil {
			return nil
		}
		total += *number
	}
	return &total
}
