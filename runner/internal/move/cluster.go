package move

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Cluster is one side of a move. What is nil is not known of its Kafka.
type Cluster struct {
	Name   string
	Client *connect.Client
	Status proof.StatusLog
	Groups proof.Groups
	// GroupOffsets are the offsets of sinks.
	GroupOffsets GroupOffsets
	// Offsets opens a topic with offsets of source connectors: "" is the
	// cluster's own (offset.storage.topic), any other one a connector's
	// (offsets.storage.topic). Its error says why the topic is not known.
	Offsets func(topic string) (OffsetTopic, error)
	// Configs opens config.storage.topic; its error says why it is not known.
	Configs func() (ConfigTopic, error)
	Fencer  proof.Fencer
	Mirrors *Mirrors
	// KafkaID is the id of its Kafka cluster.
	KafkaID string

	version   atomic.Pointer[version] // once it was asked for
	kafkaSeen atomic.Pointer[string]  // the Kafka cluster that its workers are on, likewise
}

// OffsetTopic is a topic with the offsets of source connectors; [kafka.OffsetLog]
// is the real one.
type OffsetTopic interface {
	// Name is the topic's.
	Name() string
	// Read returns a connector's entries as an exact document: the last committed
	// record of each key up to the topic's end.
	Read(ctx context.Context, connector string) (offset.Document, error)
	// Write writes each entry under the connector's name, a null offset as a
	// tombstone, to where the key lives already, and returns when all is acknowledged.
	Write(ctx context.Context, connector string, patch offset.Document) error
	// Hanging returns a [kafka.HangingError] if transactions hang in the topic, nil
	// if none does.
	Hanging(ctx context.Context) error
}

// ConfigTopic is the topic in which a cluster keeps its connectors;
// [kafka.ConfigLog] is the real one.
type ConfigTopic interface {
	// SetTargetState writes the record from which a connector that is created
	// later takes its first state, as workers since 3.7 do by themselves
	// (KafkaConfigBackingStore.putConnectorConfig). "" removes it.
	SetTargetState(ctx context.Context, connector string, state connect.State) error
	// End returns where the topic ends now.
	End(ctx context.Context) (int64, error)
	// TargetStatesSince returns the states that were asked of a connector since the
	// topic ended there, in order.
	TargetStatesSince(ctx context.Context, connector string, end int64) ([]connect.State, error)
}

// GroupOffsets are what consumer groups have committed; [kafka.Client] has the real ones.
type GroupOffsets interface {
	// GroupOffsets returns what a group has committed, in the form in which
	// Connect's REST API speaks of a sink's offsets.
	GroupOffsets(ctx context.Context, group string) (offset.Document, error)
	// CommitGroupOffsets commits offsets for a group without members, and deletes
	// those that are null.
	CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error
	// Partitions returns the number of partitions of each of the topics that exist.
	Partitions(ctx context.Context, topics ...string) (map[string]int, error)
}

// patient returns the cluster with a client that tries for longer.
func (c *Cluster) patient(patience time.Duration) *Cluster {
	return c.clone(c.Client.Patient(patience))
}

// clone returns the cluster with another client.
func (c *Cluster) clone(client *connect.Client) *Cluster {
	clone := &Cluster{
		Name: c.Name, Client: client, Status: c.Status, Groups: c.Groups, GroupOffsets: c.GroupOffsets,
		Offsets: c.Offsets, Configs: c.Configs, Fencer: c.Fencer, Mirrors: c.Mirrors, KafkaID: c.KafkaID,
	}
	clone.version.Store(c.version.Load())
	clone.kafkaSeen.Store(c.kafkaSeen.Load())
	return clone
}

// Request asks for one connector to be moved from Origin to Target, or back.
type Request struct {
	Origin, Target *Cluster
	Connector      string
	// TargetConnector is the name on the target; "" means the same.
	TargetConnector string
	// Set and Unset change the config of the copy.
	Set   map[string]string
	Unset []string
	// Overwrite allows a stopped connector of that name on the target, which is
	// not a copy of this one, to be overwritten.
	Overwrite bool
	// Copy is the way on which offsets are to travel; "" is [Auto].
	Copy Way
	// SameLog states that the topics of a sink hold the same records at the same
	// offsets in the Kafka clusters of both sides.
	SameLog bool
	// OtherKafka accepts that a source's records go to another Kafka cluster.
	OtherKafka bool
	// AtLeastOnce accepts that a copy of an exactly-once source is not, and that a
	// sink's copy on another Kafka cluster sends records again, as its offsets are
	// translated through MirrorMaker's checkpoints.
	AtLeastOnce bool
}

func (r Request) targetName() string {
	if r.TargetConnector == "" {
		return r.Connector
	}
	return r.TargetConnector
}

// changes reports whether a setting of the copy is asked to be another.
func (r Request) changes(key string) bool {
	_, set := r.Set[key]
	return set || slices.Contains(r.Unset, key)
}

// Options says how long to wait for what.
type Options struct {
	Proof proof.Options
	// Start bounds the wait for the target's tasks to run.
	Start time.Duration
	// Watch is how long the target must run without a failure to count as moved.
	Watch time.Duration
	// PutBack bounds the undoing of a move that failed or was interrupted.
	PutBack time.Duration
	// Copy is the way of the offsets in a single step; a move has it in its [Request].
	Copy Way
}

// DefaultOptions returns the defaults.
func DefaultOptions() Options {
	return Options{Proof: proof.DefaultOptions(), Start: time.Minute, Watch: 2 * time.Second, PutBack: 5 * time.Minute}
}

// Mover moves connectors. It is safe for concurrent use.
type Mover struct {
	Options Options
	Events  event.Recorder
	// Mask learns what looks like a secret in the configs that are read.
	Mask *secret.Mask
	// Leases keep other runs away; nil: nothing does but the clusters.
	Leases lease.Leases

	// Turns are those in which connectors stand still. Set its File before use.
	Turns proof.Turns
}

// Patience of the client in the two phases where giving up early is worse than
// waiting: while a connector stands still, and while it is put back.
const (
	windowPatience  = 30 * time.Second
	putBackPatience = 5 * time.Minute
)

func (m *Mover) prover(cluster *Cluster) *proof.Prover {
	return &proof.Prover{
		Client: cluster.Client.Patient(windowPatience), Status: cluster.Status, Groups: cluster.Groups, Fencer: cluster.Fencer,
		HeldUp: cluster.heldUp, NoStop: !cluster.has(stopSince), Options: m.Options.Proof, Events: m.Events, Turns: &m.Turns,
	}
}

// needHard refuses what asks for a hard proof of a cluster whose Kafka is not known.
func (m *Mover) needHard(cluster *Cluster) error {
	if m.Options.Proof.Mode == proof.OnlyHard && cluster.Status == nil {
		return refused(fmt.Sprintf("a hard proof needs the Kafka of %s: name kafka.bootstrap_servers and kafka.status_storage_topic of it in the clusters file",
			cluster.Name))
	}
	return nil
}

func (m *Mover) note(connector string, level event.Level, format string, arguments ...any) {
	m.Events.Emit(event.Note{Connector: connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}
