package regroup

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// failed ends a run whose carry failed: what stood still runs again, on the side it came from.
func (c *carry) failed(ctx context.Context, cause error) event.ConnectorResult {
	switch {
	case lease.IsLost(cause): // every write would be refused
		return c.fail(ctx, cause)
	case instance.IsInterfered(cause):
		c.result.Instructions = "find out who else works on them; nothing was undone, run the same command again to go on"
		return c.fail(ctx, cause)
	case outcome.Is[*instance.RunningTwiceError](cause):
		return c.fail(ctx, cause)
	case c.startRequested && !c.reversing:
		return c.reverse(ctx, cause)
	case c.startRequested:
		c.result.Instructions = "look at both clusters, then run the same command again"
		return c.fail(ctx, &outcome.NotPutBackError{Cause: cause, Failure: fmt.Errorf("nor do they run on %s again", c.to.cluster.Name)})
	}
	begun := c.stopping || !c.from.all(awake)
	if begun {
		if err := c.putBack(ctx, c.from, c.to); err != nil {
			return c.fail(ctx, &outcome.NotPutBackError{Cause: cause, Failure: err})
		}
	}
	if !c.undoing && !c.reversing {
		c.cleanUp(ctx)
	}
	if c.from == c.origin {
		c.stands(pair.NotBegun)
	} else {
		c.stands(pair.Moved)
	}
	result := c.fail(ctx, cause)
	if refused, ok := cause.(*proof.NotAllowedError); ok { //nolint:errorlint // for its own text
		return c.end(event.NotBegun, "not begun, since "+refused.Reason)
	}
	if begun && result.Outcome == event.Refused {
		result.Outcome = event.Failed // refused would say that nothing was touched
	}
	result.Message += fmt.Sprintf("; %s on %s as before", c.from.names(everyone), c.from.cluster.Name)
	c.result = result
	return result
}

// reverse takes back what failed right after its start, or may have started, with its progress.
func (c *carry) reverse(ctx context.Context, cause error) event.ConnectorResult {
	c.note(event.Error, "%s; taking it back to %s", cause, c.from.cluster.Name)
	c.endTurns()
	ctx = context.WithoutCancel(ctx)
	back := &carry{run: c.run, from: c.to, to: c.from, reversing: true, keepOwn: outcome.Is[*outcome.RegressedError](cause)}
	for _, m := range append(c.from.members, c.to.members...) {
		m.attempt, m.snapshot = nil, offset.Document{}
	}
	for _, m := range c.from.members {
		m.have = m.final
	}
	if err := back.do(ctx); err != nil {
		c.result.Instructions = "look at both clusters, then take it back with `ferry rollback`"
		return c.fail(ctx, &outcome.NotPutBackError{Cause: cause, Failure: err})
	}
	c.leaveIdle(ctx, c.to)
	return c.end(event.RolledBack, fmt.Sprintf("%s; rolled back to %s, with the progress made", cause, c.from.cluster.Name))
}

// putBack lets the connectors of a side run again, unless one of the other does.
func (r *run) putBack(ctx context.Context, side, others *side) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Options.PutBack)
	defer cancel()
	return r.step("put_back", func() (string, error) {
		for _, m := range others.members {
			if m.Gone(ctx) {
				continue
			}
			if err := m.AwaitRest(ctx); instance.IsInterfered(err) {
				return "", fmt.Errorf("%w, so those on %s are left as they are", err, side.cluster.Name)
			}
		}
		err := side.each(func(m *member) error {
			_, err := m.Restore(ctx, cmp.Or(m.was, connect.Running), m.seen.Status, r.Options.Watch)
			return err
		})
		return fmt.Sprintf("%s on %s", side.names(everyone), side.cluster.Name), err
	})
}

// cleanUp removes what this run created, and the offsets that it gave it. What was there before
// is left idle, and what has been started meanwhile is left as it is.
func (c *carry) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Options.PutBack)
	defer cancel()
	_ = c.to.each(func(m *member) error {
		if m.created {
			c.remove(ctx, m)
			m.created, m.seen = false, instance.Observed{} // so that it is not marked as idle
		}
		return nil
	})
	c.leaveIdle(ctx, c.to)
}

func (c *carry) remove(ctx context.Context, m *member) {
	if m.Gone(ctx) {
		c.note(event.Warn, "%s on %s is gone: somebody has removed it", m.Name, m.On())
		return
	}
	if started, ok := errors.AsType[*instance.InterferedError](m.AwaitRest(ctx)); ok {
		c.note(event.Warn, "%s is left as it is: %s", m.Name, started)
		return
	}
	if err := c.takeOffsetsBack(ctx, m); err != nil {
		c.note(event.Warn, "offsets of the rehearsal are left on %s: %s", m.On(), connect.Message(err))
	}
	if err := m.Delete(ctx, cluster.DowntimeRetry); err != nil {
		c.note(event.Warn, "%s is left at rest on %s: %s", m.Name, m.On(), connect.Message(err))
	}
}

// takeOffsetsBack makes the offsets of what a connector lists those that it had before, and leaves
// all others: another connector may have them too.
func (c *carry) takeOffsetsBack(ctx context.Context, m *member) error {
	have, err := m.read(ctx)
	if err != nil {
		return err
	}
	own, _ := m.owned(m.before)
	_, others := m.owned(have)
	want, err := document(have, append(own, others...))
	if err != nil {
		return err
	}
	_, err = offsetstore.MakeEqual(ctx, m.On(), m.store, want, have)
	return err
}
