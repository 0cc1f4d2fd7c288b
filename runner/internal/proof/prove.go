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
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Prove collects the evidence that the stopped connector's offsets are final, and returns
// both. Without enough evidence in time it returns a [NotProvenError], or, with
// AllowDuplicates, a proof of kind none. If the status topic lacks the last record of a
// task, that task was cut off and there is no proof, whatever REST says. A timed proof is
// tried only if the connector was found stopped and the topic is no evidence either way.
func (a *Attempt) Prove(ctx context.Context) (offset.Document, event.Proof, error) {
	if a.prover.hard() {
		document, proof, err := a.proveHard(ctx)
		notProven, missing := errors.AsType[*NotProvenError](err)
		if !missing {
			return document, proof, err
		}
		if inconclusive := errors.Is(err, errInconclusive); !a.prover.Options.AllowDuplicates && (!inconclusive || a.prover.Options.Mode == OnlyHard) {
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
	if err := a.groupsEmpty(ctx); err != nil {
		return offset.Document{}, event.Proof{}, err
	}
	proof := a.withGroups(event.Proof{Kind: event.Hard, Tasks: a.tasks.evidence(), PausedSeen: a.pausedSeen, Fenced: fenced})
	// A worker takes the set of partitions from memory and only then reads the topic to
	// its end (Worker.connectorOffsets), so the first read can lack a partition that the
	// second has. Two reads are enough, since nothing commits any more.
	document, err := a.readEqual(ctx, 2, 0, &proof)
	return document, proof, err
}

// fence makes sure that the tasks of an exactly-once source, which did not report their
// end, cannot commit any more: it takes over their transactional ids. For any other
// connector it returns notProven.
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
	soon, cancelSoon := context.WithTimeoutCause(deadline, min(replayAfter, a.prover.Options.HardWait), errNoRecord)
	defer cancelSoon()
	err := a.follow(soon)
	if err != nil && deadline.Err() == nil && errors.Is(context.Cause(soon), errNoRecord) {
		// A run that was killed may have stopped the tasks before this one opened the
		// topic, while REST asked a worker that lagged behind and still showed them.
		if err = a.replay(deadline); err == nil {
			err = a.follow(deadline)
		}
	}
	switch {
	case err != nil && errors.Is(context.Cause(deadline), errNoRecord):
		return &NotProvenError{
			Reason: "no UNASSIGNED record in the status topic within " + a.prover.Options.HardWait.String() +
				" for " + a.tasks.notEnded() + ", so the task was cancelled or its worker is gone",
		}
	case err != nil:
		return fmt.Errorf("read the status topic: %w", err)
	}
	return nil
}

// replayAfter is how long new records are awaited before the older ones are read too.
const replayAfter = time.Second

// follow reads new records until every task is known to have ended.
func (a *Attempt) follow(ctx context.Context) error {
	for a.tasks.notEnded() != "" {
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

// replay reads all records that the topic holds. Those of a task are in order, so the
// last one decides.
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

// errInconclusive says that the status topic is evidence neither for nor against a proof.
var errInconclusive = errors.New("its last records are compacted away, or cannot be read")

// endedBefore looks for the last record of each task of a connector that was found
// stopped, as after a killed run.
func (a *Attempt) endedBefore(ctx context.Context) error {
	deadline, cancel := context.WithTimeoutCause(ctx, a.prover.Options.HardWait, errNoRecord)
	defer cancel()
	err := a.replay(deadline)
	if err != nil && errors.Is(context.Cause(deadline), errNoRecord) {
		return &NotProvenError{Reason: "the status topic could not be read to its end within " + a.prover.Options.HardWait.String(), Err: errInconclusive}
	}
	if err != nil {
		return fmt.Errorf("read the status topic: %w", err)
	}
	if a.tasks.len() == 0 {
		return &NotProvenError{
			Reason: "the connector was found stopped and the status topic no longer holds a record of its tasks", Err: errInconclusive,
		}
	}
	if cut := a.tasks.cutOff(); cut != "" {
		return &NotProvenError{Reason: "the connector was stopped and " + cut + " did not end: in its poll or with records on their way, " +
			"it was cut off and may still commit; resume it and let ferry stop it, which pauses it first"}
	}
	if notEnded := a.tasks.notEnded(); notEnded != "" {
		return &NotProvenError{Reason: "the connector was found stopped and the status topic does not say that " + notEnded + " ended", Err: errInconclusive}
	}
	return nil
}

// groupsEmpty waits until the sink's consumer groups have no members.
func (a *Attempt) groupsEmpty(ctx context.Context) error {
	groups, unknown := a.prover.Cluster.Kafka.Groups.Get()
	if a.subject.Group == "" || unknown != nil {
		return nil
	}
	for _, name := range append([]string{a.subject.Group}, a.subject.FurtherGroups...)[len(a.emptyGroups):] {
		err := wait.Until(ctx, "group "+name+" to be empty", a.prover.Options.HardWait, func(ctx context.Context) (bool, string, error) {
			group, err := groups.Group(ctx, name)
			return group.Ended(), fmt.Sprintf("state %s, %s", group.State, words.Count(group.Members, "member")), err
		})
		if timeout, ok := asTimeout(err); ok {
			return &NotProvenError{Reason: "consumer group " + name + " still has members", Err: timeout}
		}
		if err != nil {
			return err
		}
		a.emptyGroups = append(a.emptyGroups, name)
	}
	return nil
}

// withGroups adds the groups that were seen empty.
func (a *Attempt) withGroups(proof event.Proof) event.Proof {
	if len(a.emptyGroups) > 0 {
		proof.Group, proof.FurtherGroups = a.emptyGroups[0], a.emptyGroups[1:]
	}
	return proof
}

const timedReads = 3

// gracefulTimeout is Connect's default of task.shutdown.graceful.timeout.ms, after which
// a worker cancels a task.
const gracefulTimeout = 5 * time.Second

func (a *Attempt) slowToEnd() bool { return a.ending >= gracefulTimeout }

func (a *Attempt) proveTimed(ctx context.Context) (offset.Document, event.Proof, error) {
	err := a.groupsEmpty(ctx)
	if _, ok := errors.AsType[*NotProvenError](err); err != nil && (!ok || !a.prover.Options.AllowDuplicates) {
		return offset.Document{}, event.Proof{}, err
	}
	proof := a.withGroups(event.Proof{Kind: event.Timed, PausedSeen: a.pausedSeen})
	if err != nil {
		proof.Kind, proof.Note = event.NoProof, err.Error()
	}
	settle := a.prover.Options.Settle
	switch {
	case a.pausedSeen && a.slowToEnd() && !a.prover.Options.AllowDuplicates:
		return offset.Document{}, event.Proof{}, &NotProvenError{Reason: fmt.Sprintf("the tasks took %s to end, and one that takes longer than "+
			"task.shutdown.graceful.timeout.ms (%s by default) is cut off with records that are not acknowledged; name its Kafka in the clusters file for a hard proof",
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

// readEqual reads until count reads in a row are equal, over at least settle.
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

// notBehind returns a [NotProvenError] if offsets are gone or behind those before the
// stop.
func (a *Attempt) notBehind(final offset.Document) error {
	if a.subject.Snapshot.Exact() != final.Exact() {
		return nil // read by another method since, so they cannot be compared
	}
	compare := a.subject.Regressed
	if compare == nil {
		compare = offset.Regressed
	}
	if regressed := compare(a.subject.Snapshot, final); len(regressed) > 0 {
		return &NotProvenError{Reason: fmt.Sprintf("%s %s gone or behind what they were before the stop, first %s",
			words.Count(len(regressed), "partition"), words.Be(len(regressed)), regressed[0].Partition)}
	}
	return nil
}
