package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Kafka is a Connect cluster's Kafka, part by part. In its zero value no part can be
// reached, since the clusters file does not name the Kafka.
type Kafka struct {
	Status  Part[StatusTopic]
	Offsets Part[OffsetTopic] // the cluster's own, offset.storage.topic
	Configs Part[ConfigTopic]
	Groups  Part[Groups]
	// SinkOffsets are the committed offsets of consumer groups.
	SinkOffsets Part[GroupOffsets]
	Fencer      Part[Fencer]
	Mirrors     Part[Mirrors]
	// Topic opens a connector's own offsets topic (offsets.storage.topic).
	Topic Part[func(name string) OffsetTopic]
}

// Part is one part of a Kafka, or the reason why it cannot be reached.
type Part[T any] struct {
	value T
	why   error // nil in the zero value: the Kafka is not named
	known bool
}

// Known returns a part that can be reached.
func Known[T any](value T) Part[T] { return Part[T]{value: value, known: true} }

// Unknown returns a part that cannot be reached, and why.
func Unknown[T any](why error) Part[T] { return Part[T]{why: why} }

// Known reports whether the part can be reached.
func (p Part[T]) Known() bool { return p.known }

// Why returns why the part cannot be reached although its Kafka is named; nil if it can
// be reached or if the Kafka is not named.
func (p Part[T]) Why() error {
	if p.known {
		return nil
	}
	return p.why
}

// Get returns the part, or the reason why it cannot be reached.
func (p Part[T]) Get() (T, error) { return p.or(errNotNamed) }

// or returns the part, or the reason why it cannot be reached: notNamed if the Kafka is not
// named.
func (p Part[T]) or(notNamed error) (T, error) {
	switch {
	case p.known:
		return p.value, nil
	case p.why != nil:
		return p.value, p.why
	default:
		return p.value, notNamed
	}
}

// mapped applies change to the part if it can be reached.
func mapped[T any](p Part[T], change func(T) T) Part[T] {
	if p.known {
		p.value = change(p.value)
	}
	return p
}

// StatusTopic is a cluster's status.storage.topic; [kafka.StatusLog] is the real one.
type StatusTopic interface {
	Tail(ctx context.Context) (kafka.Tail, error)
	History(ctx context.Context, connector string) ([]internaltopic.Status, error)
}

// OffsetTopic is a topic with the offsets of source connectors; [kafka.OffsetLog] is
// the real one.
type OffsetTopic interface {
	Name() string
	// Read returns a connector's entries as an exact document: the last committed
	// record of each key up to the topic's end.
	Read(ctx context.Context, connector string) (offset.Document, error)
	// End returns, for each Kafka partition, up to where its records are settled: what is
	// committed later comes after it.
	End(ctx context.Context) (map[int32]int64, error)
	// Since returns a connector's records from such an end on, those of a key in their order, and
	// where the next ones will be. It is an error if any of them can be missing.
	Since(ctx context.Context, connector string, from map[int32]int64) (records []offset.Entry, end map[int32]int64, err error)
	// Write writes each entry under the connector's name, a null offset as a tombstone,
	// to the partition that has the key already. It returns when all records are
	// acknowledged.
	Write(ctx context.Context, connector string, patch offset.Document) error
	// Hanging returns a [kafka.HangingError] if a transaction hangs in the topic, else
	// nil.
	Hanging(ctx context.Context) error
}

// ConfigTopic is a cluster's config.storage.topic; [kafka.ConfigLog] is the real one.
type ConfigTopic interface {
	// SetTargetState writes a connector's target state, which a connector created later
	// starts in; workers since 3.7 do so themselves
	// (KafkaConfigBackingStore.putConnectorConfig). "" removes it.
	SetTargetState(ctx context.Context, connector string, state connect.State) error
	// End returns the present end offset of the topic.
	End(ctx context.Context) (int64, error)
	// TargetStatesSince returns the target states written for a connector from that end
	// offset on, in order.
	TargetStatesSince(ctx context.Context, connector string, end int64) ([]connect.State, error)
}

// Groups reads the state of consumer groups; [kafka.Client] is the real one.
type Groups interface {
	Group(ctx context.Context, name string) (kafka.Group, error)
	// OffsetRetention is how long the brokers keep the offsets of a group without members.
	OffsetRetention(ctx context.Context) (time.Duration, error)
}

// GroupOffsets reads and writes the offsets of consumer groups; [kafka.Client] is the
// real one.
type GroupOffsets interface {
	// GroupOffsets returns what a group has committed, in the form of Connect's REST API
	// for a sink's offsets.
	GroupOffsets(ctx context.Context, group string) (offset.Document, error)
	// CommitGroupOffsets commits offsets for a group without members. It deletes those
	// that are null.
	CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error
	// Partitions returns the number of partitions of each of the topics that exist.
	Partitions(ctx context.Context, topics ...string) (map[string]int, error)
}

// Fencer fences the tasks of exactly-once source connectors; [kafka.Fencer] is the real
// one.
type Fencer interface {
	// Fence takes over the transactional ids of a connector's tasks. That aborts their
	// open transactions and keeps them from committing anything more (KIP-618). It
	// returns the ids, none for a connector that is not exactly-once.
	Fence(ctx context.Context, connector string) ([]string, error)
}

// StatusTopic returns the cluster's status topic, which a hard proof needs. The error is
// a [RefusedError].
func (c *Cluster) StatusTopic() (StatusTopic, error) {
	if why := c.Kafka.Status.Why(); why != nil {
		return nil, refusedf("a hard proof needs it, but %s; name kafka.status_storage_topic of %s in the clusters file", why, c.Name)
	}
	return c.Kafka.Status.or(refusedf("a hard proof needs the Kafka of %s: name kafka.bootstrap_servers and "+
		"kafka.status_storage_topic of it in the clusters file", c.Name))
}

// OffsetTopic returns the offsets topic of that name, or the cluster's own for "". The
// error is a [RefusedError].
func (c *Cluster) OffsetTopic(name string) (OffsetTopic, error) {
	notNamed := refusedf("the offsets topic of %s is not known: name kafka.bootstrap_servers and kafka.offset_storage_topic of it in the clusters file", c.Name)
	if name == "" {
		topic, err := c.Kafka.Offsets.or(notNamed)
		return topic, asRefused(err)
	}
	open, err := c.Kafka.Topic.or(notNamed)
	if err != nil {
		return nil, asRefused(err)
	}
	return open(name), nil
}

// ConfigTopic returns the cluster's config topic, which is needed to create a
// connector at rest on workers before 3.7. The error is a [RefusedError].
func (c *Cluster) ConfigTopic() (ConfigTopic, error) {
	topic, err := c.Kafka.Configs.or(refusedf("the config topic of %s is not known, and workers before %s need it to create a connector that does not run: "+
		"name kafka.bootstrap_servers and kafka.config_storage_topic of it in the clusters file", c.Name, InitialState))
	return topic, asRefused(err)
}

// SinkOffsets returns the committed offsets of the cluster's consumer groups. The
// error is a [RefusedError].
func (c *Cluster) SinkOffsets() (GroupOffsets, error) {
	groups, err := c.Kafka.SinkOffsets.or(refusedf("the offsets of a sink on %s can only be read from its Kafka: "+
		"name kafka.bootstrap_servers of it in the clusters file", c.Name))
	return groups, asRefused(err)
}

// Mirrors returns what MirrorMaker wrote to the cluster's Kafka.
func (c *Cluster) Mirrors() (Mirrors, error) { return c.Kafka.Mirrors.or(c.notNamed()) }

// OffsetTopicKnown returns nil if the cluster's own offsets topic can be opened, and the
// reason if not.
func (c *Cluster) OffsetTopicKnown() error {
	_, err := c.Kafka.Offsets.or(c.notNamed())
	return err
}

func (c *Cluster) notNamed() error {
	return fmt.Errorf("the Kafka of %s is not named in the clusters file", c.Name)
}
