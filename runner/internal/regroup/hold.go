package regroup

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Prepare does all of a regrouping that can be done while its connectors run, and holds:
// [Regrouper.Regroup] makes the cut.
func (g *Regrouper) Prepare(ctx context.Context, request Request) event.ConnectorResult {
	return g.leased(ctx, "prepare", request, func(r *run, ctx context.Context) event.ConnectorResult { return r.ready(ctx, config.Held) })
}

// Rehearse does what [Regrouper.Prepare] does, and removes it again.
func (g *Regrouper) Rehearse(ctx context.Context, request Request) event.ConnectorResult {
	return g.leased(ctx, "rehearse", request, func(r *run, ctx context.Context) event.ConnectorResult { return r.ready(ctx, config.Rehearsal) })
}

func (r *run) ready(ctx context.Context, hold connect.State) event.ConnectorResult {
	where, err := r.look(ctx)
	switch {
	case err != nil:
		return r.fail(ctx, err)
	case where.place != onOrigin || where.begun:
		return r.end(event.Unchanged, "its cut was begun already: "+r.where(r.target))
	}
	if err := r.check(ctx, false); err != nil {
		return r.fail(ctx, err)
	}
	c := &carry{run: r, from: r.origin, to: r.target, hold: hold}
	if err := r.step("prepare", func() (string, error) { return c.prepare(ctx) }); err != nil {
		return c.failed(ctx, err)
	}
	expected := check.Expected(proof.Expected(r.origin.cluster, r.Options.Proof.Mode), r.result.Entries, 0).Milliseconds()
	r.result.ExpectedDowntimeMS = &expected
	said := fmt.Sprintf("%s, with %s, and will stand still for about %d ms", r.sentence(), event.Entries(r.result.Entries), expected)
	if hold == config.Rehearsal {
		c.cleanUp(ctx)
		return r.end(event.Rehearsed, "it will work: "+said)
	}
	return r.end(event.Prepared, "is ready: "+said)
}

func held(m *member) bool { return config.KeepState(m.seen.Config) == config.Held }

// unprepare removes what waits for its cut.
func (r *run) unprepare(ctx context.Context) event.ConnectorResult {
	if err := r.checkBack(ctx); err != nil {
		return r.fail(ctx, err)
	}
	r.result.Changed = true
	for _, m := range r.target.members {
		m.created = held(m)
	}
	(&carry{run: r, from: r.origin, to: r.target}).cleanUp(ctx)
	return r.end(event.PutBack, fmt.Sprintf("what was prepared on %s has been removed; %s", r.target.cluster.Name, r.where(r.origin)))
}
