package proof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Prove collects the evidence that the stopped connector's offsets are final
// and returns them. Without enough evidence in time it returns a
// [NotProvenError], or, with AllowDuplicates, a proof whose kind is none. A status
// topic that lacks the last record of a task speaks against it, whatever REST
// says: such a task was cut off. Only one that no longer tells of a connector
// found stopped leaves the question to a timed proof.
func (a *Attempt) Prove(ctx context.Context) (offset.Document, event.Proof, error) {
	if a.prover.hard() {
		document, proof, err := a.proveHard(ctx)
		notProven, missing := errors.AsType[*NotProvenError](err)
		if !missing {
			return document, proof, err
		}
		if silent := errors.Is(err, errSilent); !a.prover.Options.AllowDuplicates && (!silent || a.prover.Options.Mode == OnlyHard) {
			return offset.Document{}, event.Proof{}, err
		}
		a.note(event.Warn, "no hard proof ("+notProven.Reason+"), trying the timed one")
	}
	return a.proveTimed(ctx)
}

func (a *Attempt) read(ctx context.Context) (offset.Document, error) {
	if a.subject.Read != nil {
		return a.subject.Read(ctx)
	}
	return offsetstore.ReadREST(ctx, a.prover.client(), a.subject.Connector)
}

func (a *Attempt) proveHard(ctx context.Context) (offset.Document, event.Proof, error) {
	err := a.tasksEnded(ctx)
	var fenced []string
	if _, notProven := errors.AsType[*NotProvenError](err); notProven {
		fenced, err = a.fence(ctx, err)
	}
	if err != nil {
		return offset.Document{}, event.Proof{}, err
	}
	if err := a.groupEmpty(ctx); err != nil {
		return offset.Document{}, event.Proof{}, err
	}
	proof := event.Proof{Kind: event.Hard, Tasks: a.tasks.evidence(), PausedSeen: a.pausedSeen, Group: a.emptyGroup, Fenced: fenced}
	// A worker takes the set of partitions from memory and only then reads the
	// topic to its end (Worker.connectorOffsets), so the first read can lack a
	// partition that the second has. Two are enough: nothing commits any more.
	document, err := a.readEqual(ctx, 2, 0, &proof)
	return document, proof, err
}

// fence proves that the tasks of an exactly-once source commit nothing any more,
// though they did not say that they ended: their transactional ids are taken
// over. Of any other connector the reason against a proof stands.
func (a *Attempt) fence(ctx context.Context, notProven error) ([]string, error) {
	fencer, unknown := a.prover.Cluster.Kafka.Fencer.Get()
	if unknown != nil || a.subject.Group != "" || a.subject.OtherKafka {
		return nil, notProven
	}
	ids, err := fencer.Fence(ctx, a.subject.Connector)
	if err != nil {
		return nil, fmt.Errorf("fence the tasks: %w", err)
	}
	if len(ids) == 0 {
		return nil, notProven
	}
	return ids, nil
}

// tasksEnded waits for each task's own last record.
func (a *Attempt) tasksEnded(ctx context.Context) error {
	if a.found == connect.Stopped {
		return a.endedBefore(ctx)
	}
	deadline, cancel := context.WithTimeoutCause(ctx, a.prover.Options.HardWait, errNoRecord)
	defer cancel()
	soon, cancelSoon := context.WithTimeoutCause(deadline, min(lateLook, a.prover.Options.HardWait), errNoRecord)
	defer cancelSoon()
	err := a.follow(soon)
	if err != nil && deadline.Err() == nil && errors.Is(context.Cause(soon), errNoRecord) {
		// The stop of a run that was killed may have ended the tasks before this one
		// opened the topic, while the worker that told of them lagged behind it.
		if err = a.replay(deadline); err == nil {
			err = a.follow(deadline)
		}
	}
	switch {
	case err != nil && errors.Is(context.Cause(deadline), errNoRecord):
		return &NotProvenError{
			Reason: "no UNASSIGNED record in the status topic within " + a.prover.Options.HardWait.String() +
				" for " + a.tasks.open() + ", so the task was cancelled or its worker is gone",
		}
	case err != nil:
		return fmt.Errorf("read the status topic: %w", err)
	}
	return nil
}

// lateLook is after what time without a task's last record it is looked for among
// those that were there before.
const lateLook = time.Second

// follow takes note of new records until every task is known to have ended.
func (a *Attempt) follow(ctx context.Context) error {
	for a.tasks.open() != "" {
		records, err := a.tail.Next(ctx)
		if err != nil {
			return err
		}
		for _, record := range records {
			a.tasks.record(record)
		}
	}
	return nil
}

// replay takes note of all records that the topic holds. Those of a task are in
// order, so that what it comes to is what the last one says.
func (a *Attempt) replay(ctx context.Context) error {
	topic, err := a.prover.Cluster.StatusTopic()
	if err != nil {
		return err
	}
	history, err := topic.History(ctx, a.subject.Connector)
	for _, record := range history {
		a.tasks.record(record)
	}
	return err
}

var errNoRecord = errors.New("no record in time")

// errSilent says that the status topic speaks neither for a proof nor against it.
var errSilent = errors.New("its last records are compacted away, or cannot be read")

// endedBefore looks for the last record of each task of a connector that was
// already stopped when the attempt began, as after a run that was killed.
func (a *Attempt) endedBefore(ctx context.Context) error {
	deadline, cancel := context.WithTimeoutCause(ctx, a.prover.Options.HardWait, errNoRecord)
	defer cancel()
	err := a.replay(deadline)
	if err != nil && errors.Is(context.Cause(deadline), errNoRecord) {
		return &NotProvenError{Reason: "the status topic could not be read to its end within " + a.prover.Options.HardWait.String(), Err: errSilent}
	}
	if err != nil {
		return fmt.Errorf("read the status topic: %w", err)
	}
	if a.tasks.len() == 0 {
		return &NotProvenError{
			Reason: "the connector was found stopped and the status topic no longer holds a record of its tasks", Err: errSilent,
		}
	}
	if cut := a.tasks.cutOff(); cut != "" {
		return &NotProvenError{Reason: "the connector was stopped and " + cut + " did not end: in its poll or with records on their way, " +
			"it was cut off and may still commit; resume it and let ferry stop it, which pauses it first"}
	}
	if open := a.tasks.open(); open != "" {
		return &NotProvenError{Reason: "the connector was found stopped and the status topic does not say of " + open + " that it ended", Err: errSilent}
	}
	return nil
}

// groupEmpty waits until nothing consumes as the sink's group any more.
func (a *Attempt) groupEmpty(ctx context.Context) error {
	groups, unknown := a.prover.Cluster.Kafka.Groups.Get()
	if a.subject.Group == "" || unknown != nil || a.emptyGroup != "" {
		return nil
	}
	err := wait.Until(ctx, "group "+a.subject.Group+" to be empty", a.prover.Options.HardWait, func(ctx context.Context) (bool, string, error) {
		group, err := groups.Group(ctx, a.subject.Group)
		return group.Ended(), fmt.Sprintf("state %s, %d members", group.State, group.Members), err
	})
	if timeout, ok := asTimeout(err); ok {
		return &NotProvenError{Reason: "the consumer group still has members", Err: timeout}
	}
	if err == nil {
		a.emptyGroup = a.subject.Group
	}
	return err
}

const timedReads = 3

// gracefulTimeout is Connect's default of task.shutdown.graceful.timeout.ms, after
// which a worker cancels a task instead of waiting for its end.
const gracefulTimeout = 5 * time.Second

func (a *Attempt) slowToEnd() bool { return a.ending >= gracefulTimeout }

func (a *Attempt) proveTimed(ctx context.Context) (offset.Document, event.Proof, error) {
	err := a.groupEmpty(ctx)
	if _, ok := errors.AsType[*NotProvenError](err); err != nil && (!ok || !a.prover.Options.AllowDuplicates) {
		return offset.Document{}, event.Proof{}, err
	}
	proof := event.Proof{Kind: event.Timed, PausedSeen: a.pausedSeen, Group: a.emptyGroup}
	if err != nil {
		proof.Kind, proof.Note = event.NoProof, err.Error()
	}
	settle := a.prover.Options.Settle
	switch {
	case a.pausedSeen && a.slowToEnd() && !a.prover.Options.AllowDuplicates:
		return offset.Document{}, event.Proof{}, &NotProvenError{Reason: fmt.Sprintf("the tasks took %s to end, and one that takes longer than "+
			"task.shutdown.graceful.timeout.ms (%s by default) is cut off with records that are not acknowledged; its Kafka in the clusters file would tell",
			a.ending.Round(100*time.Millisecond), gracefulTimeout)}
	case a.pausedSeen && a.slowToEnd():
		settle = a.prover.Options.SettleUnseen
		proof.Kind = event.NoProof
		proof.Note = "the tasks were slow to end and may have been cut off; records after the last commit may be sent again"
	case a.pausedSeen:
	case a.found == connect.Stopped && a.tasks.cutOff() != "":
		settle = a.prover.Options.SettleUnseen
		proof.Kind = event.NoProof
		proof.Note = "the connector was stopped while " + a.tasks.cutOff() + " was cut off; records after the last commit may be sent again"
	case a.found == connect.Stopped:
		settle = a.prover.Options.SettleUnseen
		proof.Note = "the connector was found stopped, so its tasks were not seen paused; the reads settled for longer"
	case a.prover.Options.AllowDuplicates:
		settle = a.prover.Options.SettleUnseen
		proof.Kind = event.NoProof
		proof.Note = "tasks were still in their poll when they were stopped; records after the last commit may be sent again"
	default:
		return offset.Document{}, event.Proof{}, &NotProvenError{Reason: "not every task was seen paused before the stop"}
	}
	document, err := a.readEqual(ctx, timedReads, settle, &proof)
	if notProven, ok := errors.AsType[*NotProvenError](err); ok && a.prover.Options.AllowDuplicates {
		proof = event.Proof{Kind: event.NoProof, At: time.Now(), PausedSeen: a.pausedSeen, Note: notProven.Error()}
		document, err = a.read(ctx)
	}
	return document, proof, err
}

// readEqual reads until count reads in a row, over at least settle, are equal.
func (a *Attempt) readEqual(ctx context.Context, count int, settle time.Duration, proof *event.Proof) (offset.Document, error) {
	deadline := time.Now().Add(settle + a.prover.Options.HardWait)
	first := time.Now()
	last, err := a.read(ctx)
	if err != nil {
		return offset.Document{}, err
	}
	for reads := 1; ; {
		if reads >= count && time.Since(first) >= settle {
			proof.Reads, proof.SettledMS, proof.At = reads, time.Since(first).Milliseconds(), time.Now()
			return last, a.notBehind(last)
		}
		if err := wait.For(ctx, settle/time.Duration(count)); err != nil {
			return offset.Document{}, err
		}
		next, err := a.read(ctx)
		if err != nil {
			return offset.Document{}, err
		}
		if offset.Equal(last, next) {
			reads++
			continue
		}
		if time.Now().After(deadline) {
			return offset.Document{}, &NotProvenError{Reason: "the offsets keep changing although no task runs: " + offset.Compare(last, next).String()}
		}
		last, reads, first = next, 1, time.Now()
	}
}

// notBehind refuses offsets that lack what was there before the stop.
func (a *Attempt) notBehind(final offset.Document) error {
	if a.subject.Snapshot.Exact() != final.Exact() {
		return nil // read on another way since, so that they cannot be compared
	}
	compare := a.subject.Regressed
	if compare == nil {
		compare = offset.Regressed
	}
	if regressed := compare(a.subject.Snapshot, final); len(regressed) > 0 {
		return &NotProvenError{Reason: fmt.Sprintf("%d partitions are gone or behind what they were before the stop, first %s",
			len(regressed), regressed[0].Partition)}
	}
	return nil
}
