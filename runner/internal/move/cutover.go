package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// cutover takes a connector from one cluster to the other: a move from the
// origin to the target, a rollback the other way. The copy on the other side
// exists, stopped.
type cutover struct {
	*run
	from, to         *Cluster
	fromName, toName string
	fromPlace        place
	toPlace          place
	way              Way
	topics           func() (from, to place, err error) // nil if the offsets topics cannot be used
	subject          proof.Subject
	config           rawjson.Object // of the connector that is brought to rest
	sink             bool
	shared           bool          // both sides have the offsets in one place
	keep             connect.State // in which the copy is to end: RUNNING, PAUSED or STOPPED
	onTo             offset.Document
	keepOwn          bool // the copy goes on from the offsets it has, whatever the other side's are
	marked           bool // the copy carries a mark that goes when the cutover ends
	back             bool // it undoes one that asked the connector to start

	// translate makes of the final offsets those that the copy is to have; nil if
	// they are the same. said is what that costs, for people, and again how many
	// records at most are sent again, nil if that is not known.
	translate func(ctx context.Context, final offset.Document) (offset.Document, error)
	said      string
	again     *int64
	path      *mirrorPath // that a move translates by

	attempt *proof.Attempt
	states  targetStates    // since before the connector was asked to rest
	final   offset.Document // of the connector that was brought to rest
	want    offset.Document // what the copy is to have
	proof   event.Proof
	// asked is set just before the copy is asked to start. From then on it may
	// run, whatever answers are lost.
	asked bool
}

// do runs the cutover. If it fails before asked is set, the caller puts back.
func (c *cutover) do(ctx context.Context) error {
	if err := c.rest(ctx); err != nil {
		return err
	}
	defer c.attempt.EndTurn()
	if err := c.lookOutside(ctx); err != nil {
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

// rest brings the connector to rest and proves that its offsets are final.
func (c *cutover) rest(ctx context.Context) (err error) {
	c.subject.HeldBack = heldBack(c.config)
	c.subject.Regressed = family.For(c.config).Regressed
	c.subject.OtherKafka = c.config.Text("producer.override.bootstrap.servers") != ""
	c.subject.Read = func(ctx context.Context) (offset.Document, error) { return c.fromPlace.read(ctx) }
	c.states = c.begin
	if c.back {
		c.states = c.follow(ctx, c.from, c.fromName)
		c.states.ownToo = true
	} else if err := c.states.leftAlone(ctx); err != nil {
		return err
	}
	c.attempt, err = c.prover(c.from).Begin(ctx, c.subject)
	if err != nil {
		return fmt.Errorf("%s: %w", c.from.Name, err)
	}
	defer func() {
		c.attempt.Close()
		if err != nil {
			c.attempt.EndTurn()
		}
	}()
	if err := c.step("quiesce", func() (string, error) { return c.describeFound(), c.attempt.Quiesce(ctx) }); err != nil {
		return fmt.Errorf("%s: %w", c.from.Name, err)
	}
	if err := c.step("prove", func() (string, error) { return c.prove(ctx) }); err != nil {
		return fmt.Errorf("%s: %w", c.from.Name, err)
	}
	return nil
}

func (c *cutover) describeFound() string {
	return fmt.Sprintf("was %s with %d tasks", c.attempt.Found(), c.attempt.TasksFound())
}

func (c *cutover) prove(ctx context.Context) (string, error) {
	document, proven, err := c.attempt.Prove(ctx)
	if _, unreadable := errors.AsType[*proof.UnreadableError](err); unreadable && c.switchToTopics(ctx) {
		document, proven, err = c.attempt.Prove(ctx)
	}
	if err != nil {
		return "", err
	}
	c.final, c.proof = document, proven
	c.result.Proof, c.result.Entries = &c.proof, document.Len()
	if proven.Kind == event.NoProof {
		c.note(c.request.Connector, event.Warn, "without a proof: %s", proven.Note)
	}
	return fmt.Sprintf("%s, %d tasks ended, %d equal reads", proven.Kind, len(proven.Tasks), proven.Reads), nil
}

// copy makes the copy's offsets equal and reads them back.
func (c *cutover) copy(ctx context.Context) (string, error) {
	_, external := c.toPlace.(nowhere)
	c.want = c.final
	switch {
	case c.keepOwn:
		c.want, c.result.Copy = c.onTo, "none"
		return fmt.Sprintf("%d entries of its own", c.onTo.Len()), nil
	case external:
		c.result.Copy = "none"
		return "its position is in the system it reads from", nil
	case c.shared && c.sink:
		c.result.Copy = "shared"
		return "consumer group " + c.subject.Group + " is shared", nil
	case c.shared:
		c.result.Copy = "shared"
		return "both clusters read one offsets topic", c.readShared(ctx)
	case c.final.Len() == 0 && c.onTo.Len() == 0:
		c.result.Copy = "none"
		return "no offsets yet", nil
	}
	if err := c.decide(ctx); err != nil {
		return "", err
	}
	if c.to == c.request.Target {
		c.wroteTo(c.toPlace)
	}
	done, err := makeEqual(ctx, c.to.Name, c.toPlace, c.want, c.onTo)
	if mismatch, ok := errors.AsType[*mismatchError](err); ok {
		// Somebody wrote in between, or a write of an earlier run came late.
		c.note(c.request.Connector, event.Warn, "%s; writing again", mismatch)
		done, err = makeEqual(ctx, c.to.Name, c.toPlace, c.want, mismatch.Have)
	}
	if err != nil {
		return "", err
	}
	c.onTo = c.want
	c.result.OffsetsHash = &event.Hashes{Origin: c.final.SHA256(), Target: c.onTo.SHA256()}
	if c.translate != nil {
		return fmt.Sprintf("%d entries translated, %d written, %s", c.want.Len(), done.entries, c.said), nil
	}
	return fmt.Sprintf("%d entries equal, %d written", c.want.Len(), done.entries), nil
}

// decide finds out what the copy's offsets are to be, each time anew: what they are
// translated by may have become more exact.
func (c *cutover) decide(ctx context.Context) (err error) {
	c.result.Copy = string(c.way)
	if c.translate == nil {
		return nil
	}
	c.result.Copy = string(ByCheckpoints)
	c.want, err = c.translate(ctx, c.final)
	return err
}

// readShared makes sure that the other side reads what it shares.
func (c *cutover) readShared(ctx context.Context) error {
	have, err := readUntil(ctx, c.to.Name, c.toPlace, c.final)
	if err != nil {
		return fmt.Errorf("read from %s: %w", c.to.Name, err)
	}
	if difference := offset.Compare(c.final, have); !difference.None() {
		return &proof.NotProvenError{Reason: fmt.Sprintf("both clusters have one offsets topic for the connector, but on %s: %s", c.to.Name, difference)}
	}
	c.result.OffsetsHash = &event.Hashes{Origin: c.final.SHA256(), Target: have.SHA256()}
	return nil
}

// switchToTopics goes on by the offsets topics, once the last commit showed that
// REST cannot carry the offsets: a connector in its first minute has none before.
func (c *cutover) switchToTopics(ctx context.Context) bool {
	if c.way != ByREST || c.topics == nil {
		return false
	}
	from, to, err := c.topics()
	if err != nil {
		return false
	}
	onTo, err := to.read(ctx)
	if err != nil {
		c.note(c.request.Connector, event.Warn, "offsets topic of %s cannot be read: %s", c.to.Name, err)
		return false
	}
	c.note(c.request.Connector, event.Info, "the offsets cannot travel by REST, going on with the records of the offsets topics")
	c.fromPlace, c.toPlace, c.onTo, c.way = from, to, onTo, ByTopic
	return true
}

const maxRecopies = 3

// interlock makes sure, right before the start, that both sides are stopped
// without tasks and that both hold the offsets that were copied. If they changed,
// as they do when a cancelled task commits late or a write whose answer was lost
// is carried out late, they are copied again.
//
// Last of all it looks at what is asked of the connector: a resume that no worker
// has followed yet is not seen in any state.
func (c *cutover) interlock(ctx context.Context) error {
	if err := c.unchanged(ctx); err != nil {
		return err
	}
	return c.states.notResumed(ctx)
}

// unchanged is the interlock but for the last look.
func (c *cutover) unchanged(ctx context.Context) error {
	for recopies := 0; ; recopies++ {
		var now, there offset.Document
		var both errgroup.Group
		both.Go(func() (err error) {
			defer crash.Catch(&err)
			now, err = c.atRest(ctx, c.from, c.fromName, c.fromPlace, c.final)
			return err
		})
		both.Go(func() (err error) {
			defer crash.Catch(&err)
			there, err = c.atRest(ctx, c.to, c.toName, c.toPlace, c.want)
			return err
		})
		if err := both.Wait(); err != nil || c.shared {
			return err
		}
		difference := offset.Compare(c.final, now)
		overwritten := offset.Compare(c.want, there)
		if (difference.None() || c.keepOwn) && overwritten.None() {
			return nil
		}
		if recopies == maxRecopies {
			return &proof.NotProvenError{Reason: fmt.Sprintf("offsets still change after they were copied %d times: on %s %s, on %s %s",
				recopies, c.from.Name, difference, c.to.Name, overwritten)}
		}
		c.note(c.request.Connector, event.Warn, "offsets changed after they were copied (on %s %s, on %s %s), copying again",
			c.from.Name, difference, c.to.Name, overwritten)
		c.final, c.onTo = now, there
		if _, err := c.copy(ctx); err != nil {
			return err
		}
	}
}

// atRest makes sure that one side is at rest and returns its offsets, which are
// expected to be these. The state is read last too: somebody may start the
// connector while its offsets are read.
func (c *cutover) atRest(ctx context.Context, side *Cluster, connector string, at place, expected offset.Document) (offset.Document, error) {
	patient := side.patient(windowPatience)
	if err := awaitRest(ctx, patient, connector); err != nil {
		return offset.Document{}, fmt.Errorf("interlock: %w", err)
	}
	if c.shared {
		return offset.Document{}, nil
	}
	document, err := at.read(ctx)
	if err == nil && !offset.Equal(expected, document) && !(c.keepOwn && side == c.from) {
		document, err = readAgreed(ctx, side.Name, at)
	}
	if err != nil {
		return offset.Document{}, fmt.Errorf("interlock: %s: %w", side.Name, err)
	}
	if err := awaitRest(ctx, patient, connector); err != nil {
		return offset.Document{}, fmt.Errorf("interlock: %w", err)
	}
	return document, nil
}

// start lets the copy run, or pauses it, or leaves it stopped.
func (c *cutover) start(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// A copy that is to end paused loses its mark later: a run that is killed now
	// could not tell any more that it is not to run.
	if c.marked && c.keep != connect.Paused {
		if err := unmark(ctx, c.to, c.toName); err != nil {
			return err
		}
	}
	if c.keep == connect.Stopped {
		return nil
	}
	c.asked = true
	// What was begun is seen through: an interrupt now would leave the operator
	// without an answer to whether the connector runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Options.Start+c.Options.Watch+windowPatience)
	defer cancel()
	err := c.step("start", func() (string, error) {
		started, err := startConnector(ctx, c.to, c.toName, c.keep, c.expectedTasks(), c.Options.Start)
		return started, err
	})
	if err != nil {
		return err
	}
	if still := c.attempt.StillSince(); !still.IsZero() && c.keep == connect.Running {
		downtime := time.Since(still).Milliseconds()
		c.result.DowntimeMS, c.result.PausingMS = &downtime, c.attempt.Pausing().Milliseconds()
	}
	c.attempt.EndTurn()
	return c.step("watch", func() (string, error) { return "", c.watch(ctx) })
}

// unmarkPaused ends the cutover of a paused connector. A mark that stays has no
// meaning for a copy that is active.
func (c *cutover) unmarkPaused(ctx context.Context) {
	if !c.marked || c.keep != connect.Paused {
		return
	}
	if c.to == c.request.Target && !c.to.has(stopSince) {
		return // where paused is how a copy waits too, the mark is what tells that it is done
	}
	if err := unmark(context.WithoutCancel(ctx), c.to, c.toName); err != nil {
		c.note(c.request.Connector, event.Warn, "the mark in the config on %s is left: %s", c.to.Name, message(err))
	}
}

// expectedTasks is the number of tasks the copy should have: as many as ended,
// or at least one if the config of the copy says otherwise. A connector that is
// paused after it was stopped has none until it is resumed.
func (c *cutover) expectedTasks() int {
	if c.keep == connect.Paused {
		return 0
	}
	if _, changed := c.request.Set["tasks.max"]; changed {
		return min(1, len(c.proof.Tasks))
	}
	return max(c.attempt.TasksFound(), len(c.proof.Tasks))
}
