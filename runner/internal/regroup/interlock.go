package regroup

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

const maxRecopies = 3

// interlock makes sure, right before the start, that all connectors of both sides are at rest
// and hold the offsets that they should. If a late commit or write changed some, it copies
// again. Then it removes the marks, and last it looks for a resume that no worker has acted on.
func (c *carry) interlock(ctx context.Context) error {
	for recopies := 0; ; recopies++ {
		changed, err := c.changed(ctx)
		if err != nil {
			return err
		}
		if changed == "" {
			break
		}
		if recopies == maxRecopies {
			return &proof.NotProvenError{Reason: fmt.Sprintf("offsets still change after they were copied %d times: %s", recopies, changed)}
		}
		c.note(event.Warn, "offsets changed after they were copied (%s), copying again", changed)
		if _, err := c.copy(ctx); err != nil {
			return err
		}
	}
	if err := c.to.each(func(m *member) error { return m.MarkFinal(ctx) }); err != nil {
		return err
	}
	return c.from.each(func(m *member) error { return m.follower.NotResumed(ctx) })
}

// changed reads both sides, at rest, and says what differs; "" if nothing does.
func (c *carry) changed(ctx context.Context) (string, error) {
	var said atomic.Pointer[string]
	look := func(m *member, expected *offset.Document, relevant bool) error {
		now, err := offsetstore.ReadAtRest(ctx, m.Instance, m.store, expected)
		if instance.IsGone(err) && expected == &m.final { // they are final, and proven so
			c.note(event.Warn, "%s; its offsets are copied, so %s goes on", err, c.to.names(everyone))
			return nil
		}
		if err != nil {
			return fmt.Errorf("interlock: %w", err)
		}
		if difference := offset.Compare(*expected, now); !difference.None() && relevant {
			text := fmt.Sprintf("%s on %s: %s", m.Name, m.On(), difference)
			said.Store(&text)
			*expected = now
		}
		return nil
	}
	if err := c.from.each(func(m *member) error { return look(m, &m.final, !c.keepOwn) }); err != nil {
		return "", err
	}
	if err := c.to.each(func(m *member) error { m.have = m.want; return look(m, &m.have, true) }); err != nil {
		return "", err
	}
	if text := said.Load(); text != nil {
		return *text, nil
	}
	return "", nil
}
