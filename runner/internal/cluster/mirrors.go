package cluster

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// MirrorLog reads what MirrorMaker 2 wrote to one Kafka; [kafka.Client] is the real one.
type MirrorLog interface {
	// MirrorTopics finds MirrorMaker's own topics by their names.
	MirrorTopics(ctx context.Context) (kafka.MirrorTopics, error)
	OffsetSyncs(ctx context.Context, topic string) ([]kafka.OffsetSync, error)
	// Checkpoints returns the last checkpoint of each partition of a group.
	Checkpoints(ctx context.Context, topic, group string) ([]kafka.Checkpoint, error)
	// Bounds returns the bounds of the partitions of a topic, none if it does not exist.
	Bounds(ctx context.Context, topic string) (map[int32]kafka.Bounds, error)
	// RecordsAt returns the committed record at one offset of each partition, if it
	// exists.
	RecordsAt(ctx context.Context, topic string, at map[int32]int64) (map[int32]kafka.Fingerprint, error)
	RecordsWithin(ctx context.Context, topic string, within map[int32]kafka.Bounds) (map[int32][]kafka.Numbered, error)
	// RecordsFrom counts the committed records of partitions, from an offset on.
	RecordsFrom(ctx context.Context, topic string, from map[int32]int64) (map[int32]int64, error)
}

// Mirrors reads what the MirrorMaker connectors of a cluster wrote.
type Mirrors struct {
	// Log reads the Kafka that the cluster's workers write to.
	Log MirrorLog
	// Open opens another Kafka, without a login; may be nil.
	Open func(ctx context.Context, brokers []string) (log MirrorLog, closed func(), err error)
}
