package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Rollback undoes a move, wherever it stands: of one that is finished, the
// connector goes back to the origin with the target's newer offsets; one that
// is not is put back. The request is that of the move.
func (m *Mover) Rollback(ctx context.Context, request Request) event.ConnectorResult {
	return m.leased(ctx, "rollback", request, request.bothPlaces(), true, m.rollbackOne)
}

func (m *Mover) rollbackOne(ctx context.Context, request Request) event.ConnectorResult {
	r := m.newRun(request)
	r.toward = request.Origin.Name
	r.begin = m.follow(ctx, request.Target, request.targetName())
	var observed Observation
	err := r.step("check", func() (string, error) {
		var err error
		observed, err = m.Observe(ctx, request)
		return string(observed.State()), err
	})
	state := observed.State()
	r.result.State, r.result.OriginState, r.result.TargetState = string(state), observed.Origin.State(), observed.Target.State()
	if err != nil {
		return r.fail(ctx, err)
	}
	origin, target := request.Origin.Name, request.Target.Name
	switch state {
	case Absent:
		return r.fail(ctx, missingConnector(request.Origin, request.Connector, &connect.ResponseError{Status: 404}))
	case NotBegun:
		return r.end(event.Unchanged, fmt.Sprintf("is on %s and not on %s, nothing to take back", origin, target))
	case Accepted:
		return r.fail(ctx, refused(fmt.Sprintf("the copy on %s is gone, so there is nothing to go back to; move it: `ferry move --origin %s --target %s`",
			origin, target, origin)))
	case Unclear:
		return r.fail(ctx, refused(fmt.Sprintf("connector is %s on %s and %s on %s, from which no move can be told",
			describe(observed.Origin), origin, describe(observed.Target), target)))
	case RunningTwice:
		return r.fail(ctx, &RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s; stop one of the two now", origin, target)})
	case Prepared:
		return r.abandon(ctx, observed)
	case HalfCopied, Copied:
		return r.rollBackStopped(ctx, observed, state)
	case Moved:
		return r.rollBack(ctx, observed)
	}
	return r.fail(ctx, fmt.Errorf("state %q is not known to rollback", state))
}

// abandon puts back a move that has not begun to copy.
func (r *run) abandon(ctx context.Context, observed Observation) event.ConnectorResult {
	was := observed.was()
	if keepState(observed.Target.Config) == idle {
		return r.end(event.Unchanged, fmt.Sprintf("is on %s (%s), nothing to take back", r.request.Origin.Name, observed.Origin.State()))
	}
	r.result.Changed = true
	err := r.step("put_back", func() (string, error) {
		return restore(ctx, r.request.Origin, r.request.Connector, was)
	})
	if err != nil {
		return r.fail(ctx, err)
	}
	r.leaveNothing(ctx, false, offset.Document{})
	if backState(observed.Origin.Config) != "" && was == connect.Paused {
		if err := unmark(ctx, r.request.Origin, r.request.Connector); err != nil {
			r.note(r.request.Connector, event.Warn, "the mark in the config on %s is left: %s", r.request.Origin.Name, message(err))
		}
	}
	r.observeEnd(ctx)
	return r.end(event.PutBack, fmt.Sprintf("is %s on %s, what was begun has been undone", was, r.request.Origin.Name))
}

// rollBackStopped decides for two stopped copies which of them went furthest.
func (r *run) rollBackStopped(ctx context.Context, observed Observation, state State) event.ConnectorResult {
	if observed.rollingBack() {
		return r.rollBack(ctx, observed) // an earlier rollback got this far
	}
	ran, err := hasRun(ctx, r.request.Target, r.request.targetName())
	switch {
	case err != nil && state == HalfCopied:
		return r.fail(ctx, refused(fmt.Sprintf("both copies are stopped, their offsets differ, and %s does not tell whether its copy has run (%s); "+
			"start the right one with `ferry start`", r.request.Target.Name, message(err))))
	case ran && state == HalfCopied:
		return r.rollBack(ctx, observed)
	default:
		return r.abandon(ctx, observed)
	}
}

// rollBack is the move the other way.
func (r *run) rollBack(ctx context.Context, observed Observation) event.ConnectorResult {
	was := observed.stateOnTarget()
	r.result.WasState = was
	var c *cutover
	err := r.step("prepare", func() (detail string, err error) {
		c, err = r.prepareBack(ctx, observed, was)
		return fmt.Sprintf("copy on %s waits stopped", r.request.Origin.Name), err
	})
	if err != nil {
		return r.fail(ctx, err)
	}
	r.result.Changed = true
	if err := c.do(ctx); err != nil {
		return r.rollbackFailed(ctx, c, err)
	}
	r.leaveNothing(ctx, false, offset.Document{})
	c.unmarkPaused(ctx)
	r.observeEnd(ctx)
	message := fmt.Sprintf("back on %s with its progress, %s proof, %d offset entries", r.request.Origin.Name, c.proof.Kind, c.final.Len())
	if r.result.DowntimeMS != nil {
		message += fmt.Sprintf(", down for %d ms", *r.result.DowntimeMS)
	}
	if c.translate != nil {
		message += "; at least once: " + c.said
	}
	return r.end(event.RolledBack, message)
}

// stateOnTarget is the state in which a moved connector is, and in which it is
// to be after it went back.
func (o Observation) stateOnTarget() connect.State {
	if marked := backState(o.Origin.Config); marked != "" {
		return marked
	}
	if o.Target.stopped() && keepState(o.Target.Config) == connect.Stopped {
		return connect.Stopped
	}
	if o.Target.State() == connect.Paused {
		return connect.Paused
	}
	return connect.Running
}

// prepareBack checks that the way back is open, and marks the origin's copy with
// the state it is to have: once the target's is stopped nobody could tell.
func (r *run) prepareBack(ctx context.Context, observed Observation, was connect.State) (*cutover, error) {
	origin, target := r.request.Origin, r.request.Target
	if err := r.needHard(target); err != nil {
		return nil, err
	}
	there, err := server(ctx, target)
	if err != nil {
		return nil, err
	}
	here, err := server(ctx, origin)
	if err != nil {
		return nil, err
	}
	c := &cutover{
		config: observed.Target.Config,
		run:    r, from: target, to: origin, fromName: r.request.targetName(), toName: r.request.Connector,
		subject: proof.Subject{Connector: r.request.targetName()}, keep: was, marked: true, way: r.request.back().way(true),
		sink: observed.Target.sink(),
	}
	back, seen := r.request.back(), observed.back()
	oneKafka := there.KafkaClusterID == here.KafkaClusterID
	if c.sink {
		c.subject.Group = sinkGroup(c.fromName, observed.Target.Config)
		c.shared = oneKafka && c.subject.Group == sinkGroup(c.toName, observed.Origin.Config)
	} else {
		c.shared = back.sharesTopic(observed.Target.Config, observed.Origin.Config, oneKafka)
	}
	if !c.sink || !c.shared {
		opened, err := back.open(ctx, seen)
		if err != nil {
			return nil, err
		}
		c.way, c.subject.Snapshot = opened.way, opened.document
		if c.onTo, err = opened.to.read(ctx); err != nil {
			return nil, fmt.Errorf("on %s: %w", origin.Name, err)
		}
		if c.sink && !oneKafka && !r.request.SameLog {
			if err := c.translateBack(ctx, observed, opened.document); err != nil {
				return nil, err
			}
		}
	}
	if err := c.open(back, seen, c.way); err != nil {
		return nil, err
	}
	return c, markBack(ctx, origin, c.toName, was)
}

// translateBack has the offsets of a sink translated on its way back, if they were
// translated on the way there. That needs no consent: the way back is always open.
func (c *cutover) translateBack(ctx context.Context, observed Observation, theirs offset.Document) error {
	own := c.onTo
	path, err := c.request.wayBack(ctx, observed, own, theirs)
	if err == nil && path != nil {
		c.translates(func(ctx context.Context, theirs offset.Document) (translated, error) {
			return path.back(ctx, own, theirs)
		})
	}
	return err
}

// rollbackFailed leaves the connector where it was before the rollback, on the
// target, unless the origin's copy may already run.
func (r *run) rollbackFailed(ctx context.Context, c *cutover, cause error) event.ConnectorResult {
	if lease.IsLost(cause) {
		r.observeEnd(ctx)
		return r.fail(ctx, cause)
	}
	if c.asked {
		r.observeEnd(ctx)
		r.result.Instructions = "look at both clusters with `ferry status`; the copy on " + c.to.Name + " was asked to start"
		return r.fail(ctx, cause)
	}
	if _, ok := errors.AsType[*interferedError](cause); ok {
		r.observeEnd(ctx)
		r.result.Instructions = "find out who else works on it; nothing was undone, `ferry status` says where it stands"
		return r.fail(ctx, cause)
	}
	if err := c.putBack(ctx); err != nil {
		r.observeEnd(ctx)
		return r.fail(ctx, &notPutBackError{cause, err})
	}
	if err := unmark(context.WithoutCancel(ctx), c.to, c.toName); err != nil {
		r.note(r.request.Connector, event.Warn, "the mark on %s is left: %s", c.to.Name, message(err))
	}
	r.observeEnd(ctx)
	result := r.fail(ctx, cause)
	result.Message += fmt.Sprintf("; %s is on %s as before", c.fromName, c.from.Name)
	return result
}
