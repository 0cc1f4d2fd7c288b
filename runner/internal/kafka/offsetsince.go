package kafka

import (
	"cmp"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// End returns the last stable offset of each partition. What a transaction that is open now
// writes, or has written, lies behind it.
func (l *OffsetLog) End(ctx context.Context) (map[int32]int64, error) {
	return l.client.listed(ctx, l.topic, "last stable offset", l.client.admin.ListCommittedOffsets)
}

// Since returns the committed records of a connector from an end on, up to the end that the topic
// has when Since is called, each partition in order. A key that lies in two partitions has no
// order, and is an error, as in [OffsetLog.Read]; so are records that are gone.
func (l *OffsetLog) Since(ctx context.Context, connector string, from map[int32]int64) (records []offset.Entry, end map[int32]int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	open, err := l.client.extents(ctx, l.topic, l.client.admin.ListEndOffsets)
	if err != nil {
		return nil, nil, err
	}
	end = map[int32]int64{}
	for partition, next := range from {
		end[partition] = next
	}
	for partition, extent := range open {
		next, known := from[partition]
		switch {
		case !known || extent.next > next || extent.end < next:
			return nil, nil, fmt.Errorf("kafka %s: topic %q partition %d holds offsets %d to %d, and was read up to %d: it was made anew or emptied",
				l.client.brokers, l.topic, partition, extent.next, extent.end, next)
		case extent.end == next:
			delete(open, partition)
		default:
			extent.next, end[partition] = next, extent.end
		}
	}
	if err := l.client.awaitStable(ctx, l.topic, open); err != nil {
		return nil, nil, err
	}
	homes := map[string]int32{}
	var failure error
	err = l.client.read(ctx, l.topic, open, func(record *kgo.Record) bool {
		partition, own, err := internaltopic.PartitionOf(record.Key, connector)
		if !own {
			return true
		}
		value, wrong := internaltopic.OffsetOf(record.Value)
		if err = cmp.Or(err, wrong); err == nil {
			home, twice := homes[partition.String()]
			if twice && home != record.Partition {
				err = fmt.Errorf("the same partition is also in partition %d", home)
			}
			homes[partition.String()] = record.Partition
		}
		if err != nil {
			failure = cmp.Or(failure, l.at(record, connector, err))
			return true
		}
		records = append(records, offset.Entry{Partition: partition, Offset: value})
		return true
	})
	if err = cmp.Or(err, failure); err != nil {
		return nil, nil, err
	}
	return records, end, nil
}
