package connecttest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// OffsetTopic is a topic with offsets of source connectors, read and written byte
// for byte as a Kafka client does it. What Connect's tasks and its REST API read
// and write is the same store.
type OffsetTopic struct {
	kafka *Kafka
	name  string
}

// OffsetTopic returns the topic of that name, empty if nobody has written to it.
func (k *Kafka) OffsetTopic(name string) *OffsetTopic { return &OffsetTopic{kafka: k, name: name} }

// OffsetTopic returns a topic on the cluster's Kafka, "" for its own
// offset.storage.topic.
func (c *Cluster) OffsetTopic(name string) *OffsetTopic {
	if name == "" {
		name = c.offsetsTopic
	}
	return c.kafka.OffsetTopic(name)
}

// OffsetTopicName returns the cluster's offset.storage.topic.
func (c *Cluster) OffsetTopicName() string { return c.offsetsTopic }

// Name returns the topic's name.
func (t *OffsetTopic) Name() string { return t.name }

// Read returns a connector's entries as an exact document.
func (t *OffsetTopic) Read(ctx context.Context, connector string) (offset.Document, error) {
	var entries []offset.Entry
	err := t.kafka.access(ctx, Access{"read offsets", t.name}, func() error {
		topic := t.kafka.offsetsTopic(t.name)
		for _, key := range slices.Sorted(maps.Keys(topic.values)) {
			if found := topic.values[key]; found.connector == connector {
				entries = append(entries, offset.Entry{Partition: found.partition, Offset: found.value})
			}
		}
		return nil
	})
	if err != nil {
		return offset.Document{}, fmt.Errorf("topic %q: %w", t.name, err)
	}
	return offset.NewExact(entries...)
}

// Write writes each entry of patch under the connector's name, a null offset as a
// tombstone.
func (t *OffsetTopic) Write(ctx context.Context, connector string, patch offset.Document) error {
	for _, entry := range patch.Entries() {
		err := t.kafka.access(ctx, Access{"write offsets", t.name}, func() error {
			t.kafka.offsetsTopic(t.name).put(connector, entry.Partition, entry.Offset)
			return nil
		})
		if err != nil {
			return fmt.Errorf("topic %q: %w", t.name, err)
		}
	}
	return nil
}

// End returns the offset that the next record will have.
func (t *OffsetTopic) End(ctx context.Context) (end map[int32]int64, err error) {
	err = t.kafka.access(ctx, Access{"read the end of offsets", t.name}, func() error {
		end = map[int32]int64{0: int64(len(t.kafka.offsetsTopic(t.name).log))}
		return nil
	})
	return end, err
}

// Since returns the connector's records from an end on, and the present end.
func (t *OffsetTopic) Since(ctx context.Context, connector string, from map[int32]int64) (records []offset.Entry, end map[int32]int64, err error) {
	err = t.kafka.access(ctx, Access{"read new offsets", t.name}, func() error {
		log := t.kafka.offsetsTopic(t.name).log
		for _, record := range log[from[0]:] {
			if record.connector == connector {
				records = append(records, offset.Entry{Partition: record.partition, Offset: record.value})
			}
		}
		end = map[int32]int64{0: int64(len(log))}
		return nil
	})
	return records, end, err
}

// Hanging returns a [kafka.HangingError] if [Cluster.Hang] has left a transaction.
func (t *OffsetTopic) Hanging(ctx context.Context) error {
	return t.kafka.access(ctx, Access{"look for hanging transactions", t.name}, func() error {
		if t.kafka.hanging[t.name] {
			return &kafka.HangingError{Transactions: []kafka.HangingTransaction{{Topic: t.name}}}
		}
		return nil
	})
}

// Connectors returns the names of all connectors that have offsets in the topic.
func (t *OffsetTopic) Connectors() []string {
	t.kafka.mu.Lock()
	defer t.kafka.mu.Unlock()
	names := map[string]bool{}
	for _, found := range t.kafka.offsetsTopic(t.name).values {
		names[found.connector] = true
	}
	return slices.Sorted(maps.Keys(names))
}
