package move

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// cutover takes a connector from one cluster to the other: a move goes from the origin to
// the target, a rollback goes back. The copy on the other side already exists, at rest.
type cutover struct {
	*run
	rest     *command.Rest // stops the connector
	transfer *transfer     // copies its offsets
	keep     connect.State // the state the copy ends in: RUNNING, PAUSED or STOPPED
	// marked says that the copy carries a mark, which is removed when the cutover ends.
	marked bool
	// preliminary says that the copy is marked until it has the final offsets.
	preliminary bool
	// deleted says that somebody deleted the connector after its offsets were proven final.
	deleted bool
	// tasksChanged says that the copy's config sets another tasks.max.
	tasksChanged bool
	path         *mirror.Path // translates the offsets of a move; nil if they are copied as they are
	// startRequested is set just before the request that starts the copy. From then on the copy
	// may run, even if the answer is lost.
	startRequested bool

	// For the certificate: whether the offsets were copied, since when the copy runs, and the
	// offsets that it was last seen with.
	copied    bool
	runsSince time.Time
	later     *offset.Document
	laterAt   time.Time
}

// do runs the cutover. If it fails before startRequested is set, the caller puts the connector
// back.
func (c *cutover) do(ctx context.Context) error {
	defer c.keepEvidence(ctx)
	if err := c.rest.Do(ctx); err != nil {
		return err
	}
	defer c.rest.Attempt.EndTurn()
	if err := c.countSentAgain(ctx); err != nil {
		return err
	}
	if err := c.Step("copy", func() (string, error) { return c.transfer.do(ctx, c.rest.Final) }); err != nil {
		return err
	}
	c.copied = true
	if err := c.Step("interlock", func() (string, error) { return "", c.interlock(ctx) }); err != nil {
		return err
	}
	return c.start(ctx)
}

// open opens the offset stores with longer retries: while the connector stands still,
// giving up early is worse than waiting. request has the direction of the cutover.
func (c *cutover) open(request pair.Request, seen pair.Observation, method offsetstore.Method) error {
	retrying := request.RetryLonger()
	stores, err := retrying.StoresBy(method, seen)
	if err != nil {
		return err
	}
	c.use(stores)
	if !seen.Origin.Sink() && request.Copy != offsetstore.ByREST && request.TopicsKnown() == nil {
		c.rest.Reopen = func(ctx context.Context) bool { return c.reopen(ctx, retrying, seen) }
	}
	return nil
}

func (c *cutover) use(stores pair.Stores) {
	c.rest.Store = stores.From
	c.transfer.store, c.transfer.method, c.transfer.external = stores.To, stores.Method, stores.External()
}

// reopen switches to the offsets topics when only the last commit shows that REST cannot
// carry the offsets: a connector in its first minute has no earlier ones to tell by.
func (c *cutover) reopen(ctx context.Context, request pair.Request, seen pair.Observation) bool {
	if c.transfer.method != offsetstore.ByREST {
		return false
	}
	stores, err := request.StoresBy(offsetstore.ByTopic, seen)
	if err != nil {
		return false
	}
	have, err := stores.To.Read(ctx)
	if err != nil {
		c.Note(event.Warn, "offsets topic of %s cannot be read: %s", c.transfer.to.On(), err)
		return false
	}
	c.Note(event.Info, "the offsets cannot travel by REST, copying the records of the offsets topics instead")
	c.use(stores)
	c.transfer.have = have
	return true
}

// countSentAgain counts the records that a MirrorSourceConnector has written beyond its
// final offsets: the copy would send them again.
func (c *cutover) countSentAgain(ctx context.Context) error {
	if !mirror.IsSource(c.rest.Config) {
		return nil
	}
	return c.Step("outside", func() (string, error) {
		of := c.rest.Of
		again, partitions, err := mirror.SentAgain(ctx, of.Cluster, c.rest.Config, c.rest.Final)
		if err != nil {
			c.Note(event.Info, "cannot count the records that would be sent again: %s", err)
			return "not countable", nil
		}
		c.Result.SentAgain = &again
		said := fmt.Sprintf("the target topics hold %s beyond the offsets, which would be sent again", words.Count(again, "record"))
		switch {
		case again == 0:
			return "the target topics end where the offsets do", nil
		case c.Options.Proof.AllowDuplicates:
			c.Note(event.Warn, "%s (%s)", said, strings.Join(partitions, ", "))
			return said, nil
		}
		return "", &proof.NotProvenError{Reason: fmt.Sprintf("%s (%s); they are sent again on %s too when it goes on there; accept it with --allow-duplicates",
			said, strings.Join(partitions, ", "), of.On())}
	})
}

const maxRecopies = 3

// interlock makes sure, right before the start, that both sides are stopped without tasks
// and that both hold the copied offsets. If the offsets changed, because a cancelled task
// committed late or a write with a lost answer took effect late, it copies them again. The
// copy then has the final offsets, so its mark is removed.
//
// Last, it reads the config topic: no state shows a resume that no worker has acted on
// yet.
func (c *cutover) interlock(ctx context.Context) error {
	var both errgroup.Group
	both.Go(func() (err error) {
		defer crash.Catch(&err)
		return c.unchanged(ctx)
	})
	if c.preliminary {
		both.Go(func() (err error) {
			defer crash.Catch(&err)
			return c.transfer.to.MarkFinal(ctx)
		})
	}
	if err := both.Wait(); err != nil || c.deleted {
		return err
	}
	return c.rest.Resumes.NotResumed(ctx)
}

// unchanged is the interlock without the look at the config topic.
func (c *cutover) unchanged(ctx context.Context) error {
	t := c.transfer
	expected := &c.rest.Final
	if t.keepOwn {
		expected = nil
	}
	for recopies := 0; ; recopies++ {
		var now, there offset.Document
		var both errgroup.Group
		both.Go(func() (err error) {
			defer crash.Catch(&err)
			now, err = c.atRest(ctx, c.rest.Of, c.rest.Store, expected)
			if instance.IsGone(err) { // its offsets are final, and proven so
				c.Note(event.Warn, "%s; its offsets are copied, so it goes on on %s", err, t.to.On())
				c.deleted, now, err = true, c.rest.Final, nil
			}
			return err
		})
		both.Go(func() (err error) {
			defer crash.Catch(&err)
			there, err = c.atRest(ctx, t.to, t.store, &t.want)
			return err
		})
		if err := both.Wait(); err != nil || t.shared {
			return err
		}
		difference := offset.Compare(c.rest.Final, now)
		overwritten := offset.Compare(t.want, there)
		if (difference.None() || t.keepOwn) && overwritten.None() {
			return nil
		}
		if recopies == maxRecopies {
			return &proof.NotProvenError{Reason: fmt.Sprintf("offsets still change after they were copied %d times: on %s %s, on %s %s",
				recopies, c.rest.Of.On(), difference, t.to.On(), overwritten)}
		}
		c.Note(event.Warn, "offsets changed after they were copied (on %s %s, on %s %s), copying again", c.rest.Of.On(), difference, t.to.On(), overwritten)
		c.rest.Final, t.have = now, there
		if _, err := t.do(ctx, now); err != nil {
			return err
		}
	}
}

// atRest makes sure that one side is at rest and returns its offsets, see
// [offsetstore.ReadAtRest]; none if both sides share them.
func (c *cutover) atRest(ctx context.Context, side instance.Instance, store offsetstore.Store, expected *offset.Document) (document offset.Document, err error) {
	if c.transfer.shared {
		err = side.RetryLonger().AwaitRest(ctx)
	} else {
		document, err = offsetstore.ReadAtRest(ctx, side, store, expected)
	}
	if err != nil {
		return offset.Document{}, fmt.Errorf("interlock: %w", err)
	}
	return document, nil
}

// start resumes the copy, or pauses it, or leaves it stopped.
func (c *cutover) start(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	to := c.transfer.to
	// A copy that ends paused keeps its mark for now: if this run is killed here, only
	// the mark tells the next one not to let the copy run.
	if c.marked && c.keep != connect.Paused {
		if err := to.Unmark(ctx); err != nil {
			return err
		}
	}
	if c.keep == connect.Stopped {
		return nil
	}
	c.startRequested = true
	// An interrupt does not end the start: the operator would not know whether the
	// connector runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Options.Start+c.Options.Watch+cluster.DowntimeRetry)
	defer cancel()
	err := c.Step("start", func() (string, error) {
		return to.Start(ctx, c.keep, c.expectedTasks(), c.Options.Start, c.rest.Attempt.EndTurn)
	})
	if err != nil {
		return err
	}
	if still := c.rest.Attempt.StillSince(); !still.IsZero() && c.keep == connect.Running {
		c.runsSince = time.Now()
		downtime := c.runsSince.Sub(still).Milliseconds()
		c.Result.DowntimeMS, c.Result.PausingMS = &downtime, c.rest.Attempt.Pausing().Milliseconds()
	}
	c.rest.Attempt.EndTurn()
	if c.mover.BeforeWatch != nil {
		c.mover.BeforeWatch(c.Result.Connector)
	}
	watch := &command.Watch{Run: c.Run, Copy: to, Other: &c.rest.Of}
	if !c.transfer.shared || c.transfer.group == "" {
		watch.Behind = c.behind
	}
	return c.Step("watch", func() (string, error) { return "", watch.Do(ctx) })
}

// behind says how the copy fell behind the copied offsets, "" if it did not.
func (c *cutover) behind(ctx context.Context) (string, error) {
	now, err := c.transfer.store.Read(ctx)
	if err != nil {
		return "", err
	}
	c.later, c.laterAt = &now, time.Now()
	regressed := family.For(c.rest.Config).Regressed(c.transfer.want, now)
	if len(regressed) == 0 {
		return "", nil
	}
	return fmt.Sprintf("%s fell behind the offsets that were copied, first %s", words.Count(len(regressed), "partition"), regressed[0].Partition), nil
}

// expectedTasks is how many tasks the copy must have at least: as many as ended, or one
// if its config sets another tasks.max. A connector that is paused after it was stopped
// has no tasks until it is resumed.
func (c *cutover) expectedTasks() int {
	switch {
	case c.keep == connect.Paused:
		return 0
	case c.tasksChanged:
		return min(1, len(c.rest.Proof.Tasks))
	default:
		return c.rest.Tasks()
	}
}

// unmarkPaused removes the mark of a copy that ends paused. If that fails, the mark that
// stays has no meaning, since the copy counts as active.
func (c *cutover) unmarkPaused(ctx context.Context, request pair.Request) {
	if !c.marked || c.keep != connect.Paused {
		return
	}
	to := c.transfer.to
	if to.Cluster == request.Target && !to.Cluster.Has(cluster.Stop) {
		return // a waiting copy is paused there too: only the mark tells that this one is done
	}
	if err := to.Unmark(context.WithoutCancel(ctx)); err != nil {
		c.Note(event.Warn, "the mark in the config on %s cannot be removed: %s", to.On(), connect.Message(err))
	}
}
