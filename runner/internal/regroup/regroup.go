package regroup

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Regrouper regroups connectors. It is safe for concurrent use. A regrouping has one turn for all
// its connectors, and BeforeCut is asked once, with the name of the one.
type Regrouper struct{ *command.Setup }

// Check runs every check of a regrouping. It writes nothing.
func (g *Regrouper) Check(ctx context.Context, request Request) event.ConnectorResult {
	r := g.newRun(request)
	where, err := r.look(ctx)
	switch {
	case err != nil:
		return r.fail(ctx, err)
	case where.place == onTarget:
		return r.end(event.Unchanged, "is done already: "+r.where(r.target))
	}
	if err := r.check(ctx, where.begun); err != nil {
		return r.fail(ctx, err)
	}
	return r.end(event.Ready, fmt.Sprintf("can be done: %s, with %s", r.sentence(), event.Entries(r.result.Entries)))
}

// Regroup carries out a regrouping, or goes on with one.
func (g *Regrouper) Regroup(ctx context.Context, request Request) event.ConnectorResult {
	return g.leased(ctx, string(request.Form), request, (*run).regroup)
}

// Undo takes a regrouping back, wherever it stands: the connectors of the origin run again, with
// the progress that was made since. The request is that of the regrouping.
func (g *Regrouper) Undo(ctx context.Context, request Request) event.ConnectorResult {
	return g.leased(ctx, "rollback", request, (*run).undo)
}

func (r *run) regroup(ctx context.Context) event.ConnectorResult {
	where, err := r.look(ctx)
	switch {
	case err != nil:
		return r.fail(ctx, err)
	case where.place == onTarget && (r.target.any(awake) || r.origin.any(marked)):
		return r.finish(ctx)
	case where.place == onTarget:
		return r.fail(ctx, cluster.Refused(fmt.Sprintf("%s on %s ran and was stopped, and has the latest offsets; let it run on with `ferry start`, or take it back with `ferry rollback`",
			r.target.names(everyone), r.target.cluster.Name)))
	}
	if err := r.check(ctx, where.begun); err != nil {
		return r.fail(ctx, err)
	}
	c := &carry{run: r, from: r.origin, to: r.target}
	if err := c.do(ctx); err != nil {
		return c.failed(ctx, err)
	}
	return r.end(event.Moved, fmt.Sprintf("%s, %s proof, %s%s", r.past(), r.result.Proof.Kind, event.Entries(r.result.Entries), r.down()))
}

// finish starts what does not run of a side with the latest offsets: an earlier run had not
// started it yet, or had brought it to rest to take it back, for which it marked the origin.
func (r *run) finish(ctx context.Context) event.ConnectorResult {
	if !r.target.all(exists) {
		return r.fail(ctx, cluster.Refused(fmt.Sprintf("only some of them are on %s; take it back with `ferry rollback`, and begin anew", r.target.cluster.Name)))
	}
	undone := r.origin.any(marked)
	if r.target.all(awake) && !undone || r.target.all(runs) {
		if err := r.target.each(func(m *member) error { return m.seen.Failure() }); err != nil {
			r.result.Instructions = r.target.members[0].RestartAdvice() + "; or take it back with `ferry rollback`"
			return r.fail(ctx, err)
		}
		r.forgetUndo(ctx)
		return r.end(event.Unchanged, "is done already: "+r.where(r.target))
	}
	if err := r.checkBack(ctx); err != nil {
		return r.fail(ctx, err)
	}
	if err := r.refuseStopped(); err != nil && !undone {
		return r.fail(ctx, err)
	}
	for _, m := range r.target.members {
		m.want = m.have
	}
	c := &carry{run: r, from: r.origin, to: r.target}
	r.result.Changed = true
	if err := c.start(ctx); err != nil {
		return c.failed(ctx, err)
	}
	r.forgetUndo(ctx)
	return r.end(event.Moved, r.past()+", what did not run has been started")
}

// refuseStopped refuses to start connectors that have run and were stopped since: not by ferry.
func (r *run) refuseStopped() error {
	given, err := r.origin.unite(func(m *member) offset.Document { return m.have })
	if err != nil {
		return err
	}
	ran := func(m *member) bool {
		own, _ := m.owned(given)
		have, _ := m.owned(m.have)
		gave, err := document(given, own)
		now, err2 := document(given, have)
		return !awake(m) && (err != nil || err2 != nil || !offset.Equal(gave, now))
	}
	if !r.target.any(ran) {
		return nil
	}
	return cluster.Refused(fmt.Sprintf("%s on %s ran and was stopped while others run; let it run on with `ferry start`, or take all back with `ferry rollback`",
		r.target.names(ran), r.target.cluster.Name))
}

// forgetUndo removes what a killed rollback marked: the offsets of the origin are not awaited.
func (r *run) forgetUndo(ctx context.Context) {
	_ = r.origin.each(func(m *member) error {
		if !marked(m) {
			return nil
		}
		if err := m.MarkFinal(ctx); err != nil {
			r.note(event.Warn, "%s on %s keeps the mark of a rollback: %s", m.Name, m.On(), err)
		}
		return nil
	})
}

func (r *run) undo(ctx context.Context) event.ConnectorResult {
	where, err := r.look(ctx)
	if err != nil {
		return r.fail(ctx, err)
	}
	if where.place != onTarget {
		return r.abandon(ctx, where.begun)
	}
	if !r.origin.all(exists) {
		return r.fail(ctx, cluster.Refused(fmt.Sprintf("%s is gone on %s, so there is nothing to go back to; regroup the other way instead",
			r.origin.names(func(m *member) bool { return !exists(m) }), r.origin.cluster.Name)))
	}
	if gone := r.target.names(func(m *member) bool { return !exists(m) }); gone != "" {
		return r.fail(ctx, cluster.Refused(fmt.Sprintf("%s is gone on %s, so how far it has come cannot be read; create it there once more with its config, stopped: Connect keeps the offsets of a name",
			gone, r.target.cluster.Name)))
	}
	if !r.origin.any(marked) { // no rollback has begun, so the target's are as their team wants them
		for _, m := range r.target.members {
			if !runs(m) {
				m.was = m.seen.State()
			}
		}
	}
	if err := r.checkBack(ctx); err != nil {
		return r.fail(ctx, err)
	}
	back := &carry{run: r, from: r.target, to: r.origin, undoing: true}
	if err := back.do(ctx); err != nil {
		return back.failed(ctx, err)
	}
	r.leaveIdle(ctx, r.target)
	return r.end(event.RolledBack, fmt.Sprintf("%s %s again on %s with the progress, %s proof, %s%s",
		r.origin.names(everyone), r.origin.verb("runs", "run"), r.origin.cluster.Name, r.result.Proof.Kind, event.Entries(r.result.Entries), r.down()))
}

// abandon undoes what was begun before anything of the target started.
func (r *run) abandon(ctx context.Context, begun bool) event.ConnectorResult {
	if held := r.target.any(held); held && !begun {
		return r.unprepare(ctx)
	}
	if !begun || r.origin.all(awake) && r.target.all(func(m *member) bool { return !exists(m) || waits(m) }) {
		return r.end(event.Unchanged, fmt.Sprintf("nothing to take back: %s", r.where(r.origin)))
	}
	r.result.Changed = true
	if err := r.putBack(ctx, r.origin, r.target); err != nil {
		return r.fail(ctx, err)
	}
	r.leaveIdle(ctx, r.target)
	return r.end(event.PutBack, fmt.Sprintf("what was begun has been undone: %s %s on %s", r.origin.names(everyone), r.origin.verb("runs", "run"), r.origin.cluster.Name))
}

// leaveIdle marks what stays at rest as part of nothing.
func (r *run) leaveIdle(ctx context.Context, side *side) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Options.PutBack)
	defer cancel()
	_ = side.each(func(m *member) error {
		if !m.seen.Exists && !m.created {
			return nil
		}
		err := m.MarkIdle(ctx)
		if err != nil {
			r.note(event.Warn, "%s on %s is left as it is: %s", m.Name, m.On(), err)
		}
		if twice, ok := errors.AsType[*instance.RunningTwiceError](err); ok {
			r.twice.Store(twice)
		}
		return nil
	})
}
