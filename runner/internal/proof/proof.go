// Package proof brings a connector to rest and proves that its offsets are
// final: that no task of it will commit anything any more.
//
// A [Prover] belongs to one cluster. [Prover.Begin] looks while the connector
// still runs and returns an [Attempt]; [Attempt.Quiesce] pauses it, waits until
// every task rests between two polls, and stops it; [Attempt.Prove] collects the
// evidence and returns the offsets with it. Pausing first costs one poll and is
// what makes the rest provable: a stop cannot interrupt a poll, and a task that
// is still in one after task.shutdown.graceful.timeout.ms (5 s) is cancelled,
// after which it may commit at any later time (Worker.stopAndAwaitTask,
// AbstractWorkerSourceTask.execute).
//
// A proof is hard when each task's own last record in the status topic says
// that it ended, and timed when it rests on REST alone: tasks seen PAUSED, then
// gone, then equal reads over time. Nothing here undoes: after an error the
// caller puts the connector back as [Attempt.Found] says.
//
// Workers before 3.5 cannot stop a connector. There each task is restarted while
// the connector is paused: the old one ends with its last commit and says so in
// the status topic, as at a stop, and the new one rests without having begun
// (WorkerTask.doRun), so it holds no offsets and is in no consumer group.
package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Mode is which proof is asked for.
type Mode string

// Modes. Auto takes the hard proof where the Kafka is known, and falls back to
// the timed one only if every task was seen PAUSED.
const (
	Auto      Mode = "auto"
	OnlyHard  Mode = "hard"
	OnlyTimed Mode = "timed"
)

// Options says how long to wait for what. [DefaultOptions] are the defaults.
type Options struct {
	Mode Mode
	// Timeout bounds the wait for the tasks to pause, which takes as long as
	// their poll does, and the wait for them to end.
	Timeout time.Duration
	// HardWait bounds the wait for the records of the status topic after the
	// cluster says that the tasks are gone.
	HardWait time.Duration
	// Settle is how long reads must stay equal for a timed proof.
	Settle time.Duration
	// SettleUnseen is Settle for a connector that was found stopped, so that
	// nobody saw its tasks paused: twice offset.flush.timeout.ms and once
	// task.shutdown.graceful.timeout.ms, at Connect's defaults.
	SettleUnseen time.Duration
	// AllowDuplicates goes on without a proof when there is none in time.
	AllowDuplicates bool
}

// DefaultOptions returns the defaults.
func DefaultOptions() Options {
	return Options{Mode: Auto, Timeout: time.Minute, HardWait: 10 * time.Second, Settle: 2 * time.Second, SettleUnseen: 15 * time.Second}
}

// Prover proves for the connectors of one cluster. What of the cluster's Kafka can be
// reached decides which proofs are possible.
type Prover struct {
	Cluster *cluster.Cluster
	Options Options
	Events  event.Recorder
	Turns   *Turns // of the command; nil for none
}

// Subject is the connector a proof is about.
type Subject struct {
	Connector string
	// Group is the consumer group of a sink, "" for a source.
	Group string
	// Snapshot are the offsets as they were read while the connector ran. What
	// is read later may not lack a partition of it or go behind it.
	Snapshot offset.Document
	// Regressed returns the entries of the first document that the second lacks or
	// is behind in; nil means [offset.Regressed].
	Regressed func(earlier, later offset.Document) []offset.Entry
	// OtherKafka says that its producers write to another Kafka than its workers'
	// (producer.override.bootstrap.servers), where its transactional ids are then.
	OtherKafka bool
	// Linger is how long the connector's own producer may keep records before it
	// sends them (linger.ms). Its tasks stay paused for that long, or the stop would
	// cut them off before their last records are acknowledged.
	Linger time.Duration
	// Read reads the offsets; nil means by REST, see [offsetstore.ReadREST].
	Read func(ctx context.Context) (offset.Document, error)
}

// NotProvenError says that the offsets could not be proven final in time.
type NotProvenError struct {
	Reason string
	Err    error // what ended the wait, may be nil
}

func (e *NotProvenError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("not proven: %s: %v", e.Reason, e.Err)
	}
	return "not proven: " + e.Reason
}

func (e *NotProvenError) Unwrap() error { return e.Err }
