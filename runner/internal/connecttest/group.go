package connecttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// group is a consumer group. Its members are sink tasks, of any Connect cluster.
type group struct {
	offsets map[topicPartition]int64
	members []*sinkTask
}

func (k *Kafka) group(name string) *group {
	if k.groups[name] == nil {
		k.groups[name] = &group{offsets: map[topicPartition]int64{}}
	}
	return k.groups[name]
}

// Group returns the state of a consumer group, as [kafka.Client.Group] does.
func (k *Kafka) Group(ctx context.Context, name string) (kafka.Group, error) {
	var state kafka.Group
	err := k.access(ctx, Access{"describe group", name}, func() error {
		switch found := k.groups[name]; {
		case found == nil:
			state = kafka.Group{State: "Dead"}
		case len(found.members) == 0:
			state = kafka.Group{State: "Empty"}
		default:
			state = kafka.Group{State: "Stable", Members: len(found.members)}
		}
		return nil
	})
	return state, err
}

// OffsetRetention returns the brokers' default, a week.
func (k *Kafka) OffsetRetention(ctx context.Context) (retention time.Duration, err error) {
	err = k.access(ctx, Access{Verb: "describe brokers"}, func() error {
		retention = 7 * 24 * time.Hour
		return nil
	})
	return retention, err
}

// GroupOffsets returns the committed offsets of a group in Connect's form, none
// if there is no such group.
func (k *Kafka) GroupOffsets(ctx context.Context, name string) (offset.Document, error) {
	var entries []offset.Entry
	err := k.access(ctx, Access{"read group", name}, func() error {
		for _, committed := range k.groupEntries(name) {
			entries = append(entries, offset.Entry(committed))
		}
		return nil
	})
	if err != nil {
		return offset.Document{}, fmt.Errorf("group %q: %w", name, err)
	}
	return offset.New(entries...)
}

func (k *Kafka) groupEntries(name string) []entry {
	entries := []entry{}
	found := k.groups[name]
	if found == nil {
		return entries
	}
	for _, partition := range slices.SortedFunc(maps.Keys(found.offsets), topicPartition.compare) {
		key := rawjson.Object{}.With("kafka_partition", rawjson.Int(int64(partition.partition))).With("kafka_topic", rawjson.String(partition.topic))
		value := rawjson.Object{}.With("kafka_offset", rawjson.Int(found.offsets[partition]))
		entries = append(entries, entry{key.Value(), value.Value()})
	}
	return entries
}

// CommitGroupOffsets commits offsets of a group that has no members, and deletes
// those that are null.
func (k *Kafka) CommitGroupOffsets(ctx context.Context, name string, patch offset.Document) error {
	parsed := map[topicPartition]*int64{}
	for _, given := range patch.Entries() {
		partition, position, err := sinkEntry(entry(given))
		if err != nil {
			return fmt.Errorf("group %q: %w", name, err)
		}
		parsed[partition] = position
	}
	return k.access(ctx, Access{"commit group", name}, func() error {
		if found := k.groups[name]; found != nil && len(found.members) > 0 {
			return fmt.Errorf("group %q has %d members: UNKNOWN_MEMBER_ID", name, len(found.members))
		}
		k.group(name).alter(parsed)
		return nil
	})
}

// alter writes offsets, and deletes those that are nil.
func (g *group) alter(offsets map[topicPartition]*int64) {
	for partition, position := range offsets {
		if position == nil {
			delete(g.offsets, partition)
		} else {
			g.offsets[partition] = *position
		}
	}
}

// Partitions returns the number of partitions of each of the topics that exists.
func (k *Kafka) Partitions(ctx context.Context, topics ...string) (map[string]int, error) {
	counts := map[string]int{}
	err := k.access(ctx, Access{Verb: "list topics"}, func() error {
		for _, topic := range topics {
			for partition := range k.topics[topic] {
				counts[topic] = max(counts[topic], partition+1)
			}
		}
		return nil
	})
	return counts, err
}
