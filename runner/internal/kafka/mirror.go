package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// OffsetSync is one record of MirrorMaker 2's offset-syncs topic: the record at
// Upstream of a source partition is the one at Downstream of its target partition
// (OffsetSync in connect/mirror).
type OffsetSync struct {
	Topic                string // of the source
	Partition            int32
	Upstream, Downstream int64
}

// OffsetSyncs returns the records of an offset-syncs topic, in their order.
func (c *Client) OffsetSyncs(ctx context.Context, topic string) ([]OffsetSync, error) {
	var syncs []OffsetSync
	var broken error
	err := c.scan(ctx, topic, func(record *kgo.Record) {
		if record.Value == nil {
			return
		}
		sync, err := parseSync(record.Key, record.Value)
		if err != nil && broken == nil {
			broken = fmt.Errorf("kafka %s: topic %q, offset %d: %w", c.brokers, topic, record.Offset, err)
		}
		syncs = append(syncs, sync)
	})
	return syncs, errors.Join(err, broken)
}

// parseSync reads topic and partition from the key and both offsets from the value.
func parseSync(key, value []byte) (OffsetSync, error) {
	inKey, inValue := wire{left: key}, wire{left: value}
	sync := OffsetSync{
		Topic:      inKey.text(),
		Partition:  int32(inKey.number(4)),   // #nosec G115 -- written as an int32
		Upstream:   int64(inValue.number(8)), // #nosec G115 -- written as an int64
		Downstream: int64(inValue.number(8)), // #nosec G115 -- written as an int64
	}
	if !inKey.ended() || !inValue.ended() {
		return OffsetSync{}, errors.New("not an offset sync of MirrorMaker 2")
	}
	return sync, nil
}

// ErrTooMany says that there are more records to count than are worth it.
var ErrTooMany = errors.New("too many records to count while a connector stands still")

// mostCounted is how many offsets RecordsFrom looks at in one partition.
const mostCounted = 200_000

// RecordsFrom counts the committed records of partitions of a topic, each from an
// offset on. A partition that does not reach back to its offset is an error.
func (c *Client) RecordsFrom(ctx context.Context, topic string, from map[int32]int64) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	all, err := c.extents(ctx, topic, c.admin.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	open, counts := map[int32]*extent{}, map[int32]int64{}
	for partition, offset := range from {
		counts[partition] = 0
		extent, holds := all[partition]
		switch {
		case !holds || offset < extent.next || offset > extent.end:
			return nil, fmt.Errorf("kafka %s: topic %q: partition %d does not hold offset %d any more", c.brokers, topic, partition, offset)
		case extent.end-offset > mostCounted:
			return nil, fmt.Errorf("kafka %s: topic %q: partition %d: %w", c.brokers, topic, partition, ErrTooMany)
		case offset < extent.end:
			extent.next = offset
			open[partition] = extent
		}
	}
	if err := c.awaitStable(ctx, topic, open); err != nil {
		return nil, err
	}
	err = c.read(ctx, topic, open, func(record *kgo.Record) bool {
		if record.Offset >= from[record.Partition] {
			counts[record.Partition]++
		}
		return true
	})
	return counts, err
}
