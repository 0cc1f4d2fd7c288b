package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// OffsetLog is a topic with the offsets of source connectors: a cluster's
// offset.storage.topic, or the offsets.storage.topic of a connector (KIP-618).
//
// Connect finds an offset by the bytes of its key, and two spellings of one
// partition are two keys. The REST API rebuilds keys and so can miss the one a
// task looks up; here they pass as they are.
type OffsetLog struct {
	client *Client
	topic  string
}

// OffsetLog returns the offsets topic of the given name.
func (c *Client) OffsetLog(topic string) *OffsetLog { return &OffsetLog{client: c, topic: topic} }

// Name returns the topic's name.
func (l *OffsetLog) Name() string { return l.topic }

// place is where a key lies.
type place struct {
	kafkaPartition int32
	partition      rawjson.Value // in Connect's sense
}

// Read returns the entries of a connector as an exact document: of each key the
// last committed record, up to the end that the topic has when Read is called.
// A key whose last record is a tombstone has no entry.
//
// What cannot be carried is an error and never no offsets: a key or a value that
// Connect would write in another way, and a key that says one thing in one Kafka
// partition and another in another, since Connect reads the partitions in no
// order between them (KafkaBasedLog).
func (l *OffsetLog) Read(ctx context.Context, connector string) (offset.Document, error) {
	latest, err := l.latest(ctx, connector)
	if err != nil {
		return offset.Document{}, err
	}
	byKey := map[string]place{}
	var entries []offset.Entry
	for _, at := range inOrder(latest) {
		value := latest[at]
		first, twice := byKey[at.partition.String()]
		if !twice {
			byKey[at.partition.String()] = at
			if !value.IsNull() {
				entries = append(entries, offset.Entry{Partition: at.partition, Offset: value})
			}
			continue
		}
		if value.String() != latest[first].String() {
			return offset.Document{}, fmt.Errorf("kafka %s: topic %q holds %s of connector %q twice: as %s in partition %d and as %s in partition %d, "+
				"and which one a worker takes is chance; remove the wrong one", l.client.brokers, l.topic, at.partition, connector,
				latest[first], first.kafkaPartition, value, at.kafkaPartition)
		}
	}
	document, err := offset.NewExact(entries...)
	if err != nil {
		return offset.Document{}, fmt.Errorf("kafka %s: topic %q: connector %q: %w", l.client.brokers, l.topic, connector, err)
	}
	return document, nil
}

// latest returns the last value of each key of the connector in each Kafka
// partition; null is a tombstone.
func (l *OffsetLog) latest(ctx context.Context, connector string) (map[place]rawjson.Value, error) {
	latest := map[place]rawjson.Value{}
	unfit := map[string]error{} // Kafka partition and key to why its last value cannot be carried
	var failure error
	err := l.client.scan(ctx, l.topic, func(record *kgo.Record) {
		partition, own, err := internaltopic.PartitionOf(record.Key, connector)
		if !own {
			return
		}
		// A key that was removed again is no obstacle, whatever it looked like.
		id := fmt.Sprintf("%d %s", record.Partition, record.Key)
		delete(unfit, id)
		if err != nil {
			if record.Value != nil {
				unfit[id] = l.at(record, connector, err)
			}
			return
		}
		value, err := internaltopic.OffsetOf(record.Value)
		if err != nil {
			unfit[id] = l.at(record, connector, err)
			return
		}
		latest[place{record.Partition, partition}] = value
	})
	if err != nil {
		return nil, err
	}
	for _, id := range sorted(unfit) {
		failure = cmp.Or(failure, unfit[id])
	}
	return latest, failure
}

func (l *OffsetLog) at(record *kgo.Record, connector string, err error) error {
	return fmt.Errorf("kafka %s: topic %q partition %d offset %d, of connector %q: %w",
		l.client.brokers, l.topic, record.Partition, record.Offset, connector, err)
}

// inOrder makes what follows from places the same every time.
func inOrder(latest map[place]rawjson.Value) []place {
	places := make([]place, 0, len(latest))
	for at := range latest {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.partition.String(), b.partition.String()), cmp.Compare(a.kafkaPartition, b.kafkaPartition))
	})
	return places
}

// Write writes each entry of the patch under the connector's name and waits
// until every in-sync replica has it; a null offset is written as a tombstone.
// A record goes to each Kafka partition where its key lies already, and to the
// one that Kafka's own partitioner chooses if there is none.
//
// After an error any part of the patch may have been written: read it back.
func (l *OffsetLog) Write(ctx context.Context, connector string, patch offset.Document) error {
	if patch.Len() == 0 {
		return nil
	}
	if err := l.client.needCompacted(ctx, l.topic); err != nil {
		return err
	}
	latest, err := l.latest(ctx, connector)
	if err != nil {
		return err
	}
	homes := map[string][]int32{}
	for _, at := range inOrder(latest) {
		homes[at.partition.String()] = append(homes[at.partition.String()], at.kafkaPartition)
	}
	var records []*kgo.Record
	for _, entry := range patch.Entries() {
		record := kgo.Record{Topic: l.topic, Key: internaltopic.OffsetKey(connector, entry.Partition)}
		if !entry.Offset.IsNull() {
			record.Value = entry.Offset.Bytes()
		}
		partitions := homes[entry.Partition.String()]
		if len(partitions) == 0 {
			home, err := l.client.defaultPartition(ctx, &record)
			if err != nil {
				return err
			}
			partitions = []int32{home}
		}
		for _, partition := range partitions {
			copied := record
			copied.Partition = partition
			records = append(records, &copied)
		}
	}
	return l.client.write(ctx, records)
}
