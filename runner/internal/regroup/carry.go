package regroup

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// carry takes what the connectors of one side do to those of the other: all of one are brought
// to rest and proven, then all of the other get their offsets, and then they start.
type carry struct {
	*run
	from, to *side
	undoing  bool
	// reversing says that this run itself has started the connectors of from.
	reversing bool
	// keepOwn says that the connectors of to go on with the offsets that they have.
	keepOwn bool
	// hold marks what is prepared as waiting for its cut: config.Held or config.Rehearsal.
	hold connect.State
	// stopping is set before the first request that brings a connector of from to rest.
	stopping bool
	// startRequested is set before the first request that starts a connector of to.
	startRequested bool
}

// do carries everything over. If it fails before startRequested is set, from has to be put back.
func (c *carry) do(ctx context.Context) error {
	for _, m := range c.from.members {
		var err error
		if m.follower, err = resumes.Follow(ctx, m.Instance); err != nil {
			c.note(event.Info, "%s", err)
		}
		m.follower.OwnResume = c.reversing
	}
	if err := c.step("prepare", func() (string, error) { return c.prepare(ctx) }); err != nil {
		return err
	}
	defer c.endTurns()
	if err := c.step("quiesce", func() (string, error) { return "", c.rest(ctx) }); err != nil {
		return err
	}
	if err := c.step("prove", func() (string, error) { return c.prove(ctx) }); err != nil {
		return err
	}
	if err := c.step("outside", func() (string, error) { return c.countSentAgain(ctx) }); err != nil {
		return err
	}
	if err := c.step("copy", func() (string, error) { return c.copy(ctx) }); err != nil {
		return err
	}
	if err := c.step("interlock", func() (string, error) { return "", c.interlock(ctx) }); err != nil {
		return err
	}
	return c.start(ctx)
}

// prepare makes the connectors that are to start, at rest and marked, while the others run.
func (c *carry) prepare(ctx context.Context) (string, error) {
	c.result.Changed = true
	err := c.to.each(func(m *member) error {
		if m.seen.Exists && (c.undoing || c.reversing) {
			return m.MarkPreliminary(ctx)
		}
		settings := config.Preliminary(m.config)
		if c.hold != "" {
			settings = config.WithKeepState(settings, c.hold)
		}
		created, err := m.CreateStopped(ctx, settings, m.seen.Exists)
		m.created = m.created || created
		if err != nil {
			return err
		}
		if !created {
			return nil
		}
		m.before, err = m.read(ctx)
		m.have = m.before
		return err
	})
	if err != nil {
		return "", err
	}
	if c.sink || c.undoing || c.reversing || !c.from.all(awake) {
		return fmt.Sprintf("%s at rest on %s", c.to.names(everyone), c.to.cluster.Name), nil
	}
	return fmt.Sprintf("%s at rest on %s, the offsets rehearsed", c.to.names(everyone), c.to.cluster.Name), c.rehearse(ctx)
}

// rehearse writes the present offsets, to find out before anything stops whether they are taken
// and read back.
func (c *carry) rehearse(ctx context.Context) error {
	if err := c.distribute(func(m *member) offset.Document { return m.snapshot }); err != nil {
		return err
	}
	err := c.to.each(func(m *member) error {
		done, err := offsetstore.MakeEqual(ctx, m.On(), m.store, m.want, m.have)
		if outcome.Is[*connect.ResponseError](err) && !connect.IsTemporary(err) || outcome.Is[*offsetstore.MismatchError](err) {
			return cluster.Refused(fmt.Sprintf("%s does not take the offsets in a rehearsal: %s", m.On(), connect.Message(err)))
		}
		if err != nil {
			return err
		}
		return done.AwaitLate(ctx, func() {
			c.note(event.Warn, "an answer of %s was lost; waiting until that write can no longer take effect, while everything keeps running", m.On())
		})
	})
	for _, m := range c.to.members {
		m.have = m.want
	}
	return err
}

// rest brings the connectors to rest, all together. The first takes the turn for all of them.
// None is paused before all may be.
func (c *carry) rest(ctx context.Context) error {
	first := c.from.members[0]
	if err := c.begin(ctx, first); err != nil {
		return fmt.Errorf("%s: %w", first.Name, err)
	}
	if err := c.from.each(func(m *member) error {
		if m == first {
			return nil
		}
		return c.begin(ctx, m)
	}); err != nil {
		return err
	}
	c.stopping = true
	return c.from.each(func(m *member) error { return m.attempt.Quiesce(ctx) })
}

// begin begins to bring one connector to rest. Nothing has been done to it when it returns.
func (c *carry) begin(ctx context.Context, m *member) (err error) {
	if !c.reversing {
		if err := m.follower.RefuseReconciler(ctx); err != nil {
			return err
		}
	}
	subject := proof.Subject{Connector: m.Name, Snapshot: m.snapshot, Read: m.store.Read}.Configured(m.config)
	if c.sink {
		subject.Group = config.Group(m.Name, m.config)
	}
	prover, first := c.Prover(m.Cluster), m == c.from.members[0]
	if !first {
		prover.Turns = nil
	}
	if c.BeforeCut != nil && first && !c.undoing && !c.reversing {
		prover.Allow = func() error { return c.BeforeCut(c.request.Whole) }
	}
	if c.reversing && c.RequireHardProof(m.Cluster) != nil {
		prover.Options.Mode = proof.Auto // being down for want of a better proof would be worse
	}
	m.attempt, err = prover.Begin(ctx, subject)
	return err
}

func (c *carry) endTurns() {
	for _, m := range c.from.members {
		if m.attempt != nil {
			m.attempt.Close()
			m.attempt.EndTurn()
		}
	}
}

// prove proves the offsets of every connector at rest.
func (c *carry) prove(ctx context.Context) (string, error) {
	err := c.from.each(func(m *member) (err error) {
		m.final, m.proof, err = m.attempt.Prove(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	weakest := c.from.members[0].proof
	tasks := 0
	for _, m := range c.from.members {
		tasks += len(m.proof.Tasks)
		if rank(m.proof.Kind) < rank(weakest.Kind) {
			weakest = m.proof
		}
	}
	c.result.Proof = &weakest
	return fmt.Sprintf("%s, %s ended", weakest.Kind, words.Count(tasks, "task")), nil
}

func rank(kind event.ProofKind) int {
	return map[event.ProofKind]int{event.NoProof: 0, event.Timed: 1, event.Hard: 2}[kind]
}

// countSentAgain refuses to go on from offsets beyond which MirrorSourceConnectors have written.
func (c *carry) countSentAgain(ctx context.Context) (string, error) {
	if !mirror.IsSource(c.from.members[0].config) {
		return "not of this kind", nil
	}
	total, known := int64(0), true
	for _, m := range c.from.members {
		own, _ := m.owned(m.final)
		final, err := document(m.final, own)
		if err != nil {
			return "", err
		}
		again, partitions, err := mirror.SentAgain(ctx, m.Cluster, m.config, final)
		switch {
		case err != nil:
			known = false
			c.note(event.Info, "cannot count the records of %s that would be sent again: %s", m.Name, err)
		case again > 0 && !c.Options.Proof.AllowDuplicates:
			return "", &proof.NotProvenError{Reason: fmt.Sprintf("the target topics hold %s of %s beyond its offsets (%s), which would be sent again; accept it with --allow-duplicates",
				words.Count(again, "record"), m.Name, event.Abbreviated(partitions))}
		default:
			total += again
		}
	}
	if known {
		c.result.SentAgain = &total
		return words.Count(total, "record") + " beyond the offsets", nil
	}
	return "not countable", nil
}

// document is one of the kind of another.
func document(as offset.Document, entries []offset.Entry) (offset.Document, error) {
	if as.Exact() {
		return offset.NewExact(entries...)
	}
	return offset.New(entries...)
}

// distribute says which offsets each connector of to must have: those that it owns, of all that
// from has, and what it has of others, which nobody touches.
func (c *carry) distribute(of func(*member) offset.Document) error {
	united, err := c.from.unite(of)
	if err != nil {
		return err
	}
	left, err := c.ownerless(united)
	if err != nil {
		return err
	}
	c.result.Entries = 0
	for _, m := range c.to.members {
		own, _ := m.owned(united)
		if c.undoing {
			own = append(own, c.from.unlisted(m, of)...)
		}
		_, others := m.owned(m.have)
		c.result.Entries += len(own)
		if m.want, err = document(united, append(own, others...)); err != nil {
			return fmt.Errorf("offsets of %s: %w", m.Name, err)
		}
	}
	if left > 0 {
		c.note(event.Warn, "%s belong to nothing that %s list, and stay behind", event.Entries(left), c.to.names(everyone))
	}
	return nil
}

// ownerless counts the entries that nobody of to lists. They are refused, except on the way back,
// which must not depend on a topic that came since. So is what several list.
func (c *carry) ownerless(united offset.Document) (left int, err error) {
	several := 0
	for _, entry := range united.Entries() {
		owners := 0
		for _, m := range c.to.members {
			if m.owner.owns(entry.Partition) {
				owners++
			}
		}
		switch {
		case owners == 0:
			left++
		case owners > 1:
			several++
		}
	}
	if several > 0 || left > 0 && !c.undoing && !c.reversing {
		return 0, cluster.Refused(fmt.Sprintf("of %s, %d have no owner and %d have several among %s", event.Entries(united.Len()), left, several, c.to.names(everyone)))
	}
	return left, nil
}

func (c *carry) copy(ctx context.Context) (string, error) {
	if c.keepOwn {
		c.result.Copy = "none"
		for _, m := range c.to.members {
			m.want = m.have
		}
		return "each keeps its own", nil
	}
	if err := c.distribute(func(m *member) offset.Document { return m.final }); err != nil {
		return "", err
	}
	c.result.Copy = string(c.method)
	err := c.to.each(func(m *member) error {
		_, err := offsetstore.MakeEqualAgain(ctx, m.On(), m.store, m.want, m.have, nil)
		if err == nil {
			m.have = m.want
		}
		return err
	})
	return fmt.Sprintf("%s given to %s", event.Entries(c.result.Entries), c.to.names(everyone)), err
}

// start starts the connectors and watches them.
func (c *carry) start(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.startRequested = true
	// An interrupt does not end the start: the operator would not know what runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Options.Start+c.Options.Watch+cluster.DowntimeRetry)
	defer cancel()
	err := c.step("start", func() (string, error) {
		return fmt.Sprintf("%s RUNNING on %s", c.to.names(everyone), c.to.cluster.Name), c.to.each(func(m *member) error {
			_, err := m.Start(ctx, connect.Running, min(1, m.want.Len()), c.Options.Start, func() {})
			return err
		})
	})
	if err != nil {
		return err
	}
	c.measure()
	c.endTurns()
	return c.step("watch", func() (string, error) { return c.watch(ctx) })
}

// measure notes how long the longest stood still.
func (c *carry) measure() {
	var since time.Time
	for _, m := range c.from.members {
		if m.attempt == nil || m.attempt.StillSince().IsZero() {
			continue
		}
		if still := m.attempt.StillSince(); since.IsZero() || still.Before(since) {
			since = still
		}
		c.result.PausingMS = max(c.result.PausingMS, m.attempt.Pausing().Milliseconds())
	}
	if !since.IsZero() {
		downtime := time.Since(since).Milliseconds()
		c.result.DowntimeMS = &downtime
	}
}
