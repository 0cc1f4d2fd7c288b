package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Bounds are the offsets of the first record of a partition and of the one that
// will be written next.
type Bounds struct{ Start, End int64 }

// Bounds returns those of every partition of a topic, none if it does not exist.
func (c *Client) Bounds(ctx context.Context, topic string) (map[int32]Bounds, error) {
	counts, err := c.Partitions(ctx, topic)
	if err != nil || counts[topic] == 0 {
		return nil, err
	}
	ends, err := c.listed(ctx, topic, "end", c.admin.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	starts, err := c.listed(ctx, topic, "start", c.admin.ListStartOffsets)
	if err != nil {
		return nil, err
	}
	bounds := map[int32]Bounds{}
	for partition, end := range ends {
		start, listed := starts[partition]
		if !listed {
			return nil, fmt.Errorf("kafka %s: start of topic %q: the answer lacks partition %d", c.brokers, topic, partition)
		}
		bounds[partition] = Bounds{Start: start, End: end}
	}
	return bounds, nil
}

// Fingerprint tells a record from others without keeping what it holds.
type Fingerprint struct {
	Content   [sha256.Size]byte // of key, value and headers
	Timestamp int64             // in milliseconds
	// Appended says that the broker has set the timestamp (LogAppendTime).
	Appended bool
}

// CopiedAs reports whether a record of another topic can be the copy of this one.
// MirrorMaker 2 keeps the timestamp, unless the broker it writes to sets its own.
func (f Fingerprint) CopiedAs(copied Fingerprint) bool {
	return f.Content == copied.Content && (copied.Appended || f.Timestamp == copied.Timestamp)
}

// ChangedAs reports whether a record of another topic can be the copy of this one, made by a
// MirrorMaker that changes what it copies: it has the same timestamp, which the broker did not
// set.
func (f Fingerprint) ChangedAs(copied Fingerprint) bool {
	return f.Content != copied.Content && !copied.Appended && f.Timestamp == copied.Timestamp
}

// RecordsAt returns the committed records at one offset of each partition. Where
// there is none, as it was removed, was never committed or is yet to come, the
// answer has none.
func (c *Client) RecordsAt(ctx context.Context, topic string, at map[int32]int64) (map[int32]Fingerprint, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	all, err := c.Bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	open, found := map[int32]*extent{}, map[int32]Fingerprint{}
	for partition, offset := range at {
		if bounds, holds := all[partition]; holds && offset >= bounds.Start && offset < bounds.End {
			open[partition] = &extent{next: offset, end: offset + 1}
		}
	}
	if err := c.awaitStable(ctx, topic, open); err != nil {
		return nil, err
	}
	err = c.read(ctx, topic, open, func(record *kgo.Record) bool {
		if record.Offset == at[record.Partition] {
			found[record.Partition] = fingerprint(record)
		}
		return true
	})
	return found, err
}

// Numbered is the fingerprint of the record at an offset.
type Numbered struct {
	Offset int64
	Fingerprint
}

// RecordsWithin returns the committed records of each partition that are within bounds, in
// order. What was removed, was never committed or is yet to come is not among them.
func (c *Client) RecordsWithin(ctx context.Context, topic string, within map[int32]Bounds) (map[int32][]Numbered, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	all, err := c.Bounds(ctx, topic)
	if err != nil {
		return nil, err
	}
	open, found := map[int32]*extent{}, map[int32][]Numbered{}
	for partition, wanted := range within {
		bounds, holds := all[partition]
		start, end := max(wanted.Start, bounds.Start), min(wanted.End, bounds.End)
		if holds && start < end {
			open[partition] = &extent{next: start, end: end}
		}
	}
	if err := c.awaitStable(ctx, topic, open); err != nil {
		return nil, err
	}
	err = c.read(ctx, topic, open, func(record *kgo.Record) bool {
		if record.Offset >= within[record.Partition].Start && record.Offset < within[record.Partition].End {
			found[record.Partition] = append(found[record.Partition], Numbered{record.Offset, fingerprint(record)})
		}
		return true
	})
	return found, err
}

func fingerprint(record *kgo.Record) Fingerprint {
	sum := sha256.New()
	part := func(bytes []byte) {
		size := int64(len(bytes))
		if bytes == nil {
			size = -1 // no value is not an empty one
		}
		_ = binary.Write(sum, binary.BigEndian, size) // a hash takes everything
		_, _ = sum.Write(bytes)
	}
	part(record.Key)
	part(record.Value)
	for _, header := range record.Headers {
		part([]byte(header.Key))
		part(header.Value)
	}
	print := Fingerprint{Timestamp: record.Timestamp.UnixMilli(), Appended: record.Attrs.TimestampType() == 1}
	sum.Sum(print.Content[:0])
	return print
}
