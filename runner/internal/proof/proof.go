// Package proof brings a connector to rest and proves that its offsets are final: that
// none of its tasks will ever commit again.
//
// A [Prover] belongs to one cluster. [Prover.Begin] reads the connector's status while it
// still runs and returns an [Attempt]. [Attempt.Quiesce] pauses the connector, waits
// until every task rests between two polls, and stops it. [Attempt.Prove] collects the
// evidence and returns it with the offsets. The pause costs one poll and makes the proof
// possible: a stop cannot interrupt a poll, and a task that is still in one after
// task.shutdown.graceful.timeout.ms (5 s) is cancelled, after which it may commit at any
// later time (Worker.stopAndAwaitTask, AbstractWorkerSourceTask.execute).
//
// A proof is hard if each task's own last record in the status topic says that it ended.
// It is timed if it relies on REST alone: tasks seen PAUSED, then gone, then equal reads
// over time. Nothing here is undone: after an error the caller restores the state of
// [Attempt.Found].
//
// Workers before 3.5 cannot stop a connector. There each task is restarted while the
// connector is paused. The old task makes its last commit and reports its end in the
// status topic, as after a stop. The new one rests without having begun
// (WorkerTask.doRun), so it holds no offsets and is in no consumer group.
package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Mode is which kind of proof to use.
type Mode string

// The modes. Auto uses the hard proof if the status topic is known. It falls back to the
// timed one only if the connector was found stopped and the topic is no evidence either
// way.
const (
	Auto      Mode = "auto"
	OnlyHard  Mode = "hard"
	OnlyTimed Mode = "timed"
)

// Expected is the proof that a connector of a cluster will have.
func Expected(of *cluster.Cluster, mode Mode) event.ProofKind {
	if _, unknown := of.StatusTopic(); unknown != nil || mode == OnlyTimed {
		return event.Timed
	}
	return event.Hard
}

// NotAllowedError says that a connector must not be stopped now. Nothing has been done to it.
type NotAllowedError struct{ Reason string }

func (e *NotAllowedError) Error() string { return e.Reason }

// Options are the mode and the time limits of a proof.
type Options struct {
	Mode Mode
	// Timeout bounds the wait for the tasks to pause, which takes as long as their poll,
	// and the wait for them to end.
	Timeout time.Duration
	// HardWait bounds the wait for the records of the status topic once the cluster shows
	// no tasks any more.
	HardWait time.Duration
	// Settle is how long reads must stay equal for a timed proof.
	Settle time.Duration
	// SettleUnseen is Settle if the tasks were not seen paused, since the connector was
	// found stopped: twice offset.flush.timeout.ms plus
	// task.shutdown.graceful.timeout.ms, at Connect's defaults.
	SettleUnseen time.Duration
	// AllowDuplicates continues without a proof if there is none in time.
	AllowDuplicates bool
}

// DefaultOptions returns the defaults.
func DefaultOptions() Options {
	return Options{Mode: Auto, Timeout: time.Minute, HardWait: 10 * time.Second, Settle: 2 * time.Second, SettleUnseen: 15 * time.Second}
}

// Prover proves the offsets of one cluster's connectors. Which proofs are possible
// depends on what is known of the cluster's Kafka.
type Prover struct {
	Cluster *cluster.Cluster
	Options Options
	Events  event.Recorder
	Turns   *Turns // of the command; nil if connectors do not take turns
	// Allow is asked once the connector has its turn, right before it is paused. An error, such
	// as a [NotAllowedError], ends the attempt. May be nil.
	Allow func() error
}

// Subject is the connector a proof is about.
type Subject struct {
	Connector string
	// Group is the consumer group of a sink, "" for a source.
	Group string
	// FurtherGroups are those in which a sink keeps a second position.
	FurtherGroups []string
	// Snapshot are the offsets as read while the connector ran. The final offsets must
	// not lack a partition of it or be behind it.
	Snapshot offset.Document
	// Regressed returns the entries of earlier that later lacks or is behind; nil means
	// [offset.Regressed].
	Regressed func(earlier, later offset.Document) []offset.Entry
	// OtherKafka says that its producers, and so its transactional ids, use another Kafka
	// than its workers (producer.override.bootstrap.servers).
	OtherKafka bool
	// Linger is how long the connector's own producer may keep records before it sends
	// them (linger.ms). The tasks stay paused for that long: a stop could cut them off
	// before their last records are acknowledged.
	Linger time.Duration
	// Read reads the offsets; nil means by REST, see [offsetstore.ReadREST].
	Read func(ctx context.Context) (offset.Document, error)
}

// Configured returns the subject with what the connector's config tells of it.
func (s Subject) Configured(settings rawjson.Object) Subject {
	kind := family.For(settings)
	s.Regressed, s.FurtherGroups = kind.Regressed, kind.SecondGroups(s.Connector, settings)
	s.Linger, s.OtherKafka = config.Linger(settings), settings.Text(config.ProducerServers) != ""
	return s
}

// NotProvenError says that the offsets could not be proven final in time.
type NotProvenError struct {
	Reason string
	Err    error // that ended the wait; may be nil
}

func (e *NotProvenError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("not proven: %s: %v", e.Reason, e.Err)
	}
	return "not proven: " + e.Reason
}

func (e *NotProvenError) Unwrap() error { return e.Err }
