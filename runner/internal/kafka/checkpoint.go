package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Checkpoint is one record of MirrorMaker 2's checkpoints topic: a group that has
// committed Upstream on the source may go on from Downstream on the target
// (Checkpoint in connect/mirror-client). Since Kafka 3.5 Downstream is never ahead
// of what the group has consumed (KAFKA-14666); before, it could be.
type Checkpoint struct {
	Group                string
	Topic                string // as it is called on the target
	Partition            int32
	Upstream, Downstream int64
}

// Checkpoints returns the last checkpoint of each partition of a group, in a topic
// that [Client.MirrorTopics] found.
func (c *Client) Checkpoints(ctx context.Context, topic, group string) ([]Checkpoint, error) {
	type place struct {
		topic     string
		partition int32
	}
	last := map[place]Checkpoint{}
	var order []place
	var broken error
	err := c.scan(ctx, topic, func(record *kgo.Record) {
		checkpoint, err := parseCheckpointKey(record.Key)
		at := place{checkpoint.Topic, checkpoint.Partition}
		if err == nil && checkpoint.Group != group {
			return
		}
		if err == nil && record.Value == nil {
			delete(last, at) // a tombstone
			return
		}
		if err == nil {
			err = checkpoint.parseValue(record.Value)
		}
		if err != nil {
			broken = errors.Join(broken, fmt.Errorf("kafka %s: topic %q, offset %d: %w", c.brokers, topic, record.Offset, err))
			return
		}
		if _, known := last[at]; !known {
			order = append(order, at)
		}
		last[at] = checkpoint
	})
	if err = errors.Join(err, broken); err != nil {
		return nil, err
	}
	var checkpoints []Checkpoint
	for _, at := range order {
		if checkpoint, stands := last[at]; stands {
			checkpoints = append(checkpoints, checkpoint)
			delete(last, at) // one that went and came again is listed once
		}
	}
	return checkpoints, nil
}

var errNoCheckpoint = errors.New("not a checkpoint of MirrorMaker 2")

// parseCheckpointKey reads group, topic and partition.
func parseCheckpointKey(key []byte) (Checkpoint, error) {
	in := wire{left: key}
	checkpoint := Checkpoint{Group: in.text(), Topic: in.text()}
	checkpoint.Partition = int32(in.number(4)) // #nosec G115 -- written as an int32
	if !in.ended() || checkpoint.Partition < 0 {
		return Checkpoint{}, errNoCheckpoint
	}
	return checkpoint, nil
}

// parseValue reads the version, both offsets, and the commit's metadata, which
// nothing here needs.
func (c *Checkpoint) parseValue(value []byte) error {
	in := wire{left: value}
	version := int16(in.number(2))                                      // #nosec G115 -- written as an int16
	c.Upstream, c.Downstream = int64(in.number(8)), int64(in.number(8)) // #nosec G115 -- written as int64
	in.text()
	if version != 0 && !in.short {
		return fmt.Errorf("checkpoint of version %d, ferry knows version 0", version)
	}
	if !in.ended() || c.Upstream < 0 || c.Downstream < 0 {
		return errNoCheckpoint
	}
	return nil
}

// wire takes apart the binary form of Kafka's protocol types: numbers with the
// highest byte first, a text after its length in two bytes.
type wire struct {
	left  []byte
	short bool // it ended before what was asked for
}

func (w *wire) take(size int) []byte {
	if w.short || size > len(w.left) {
		w.short = true
		return nil
	}
	taken := w.left[:size]
	w.left = w.left[size:]
	return taken
}

func (w *wire) number(size int) (number uint64) {
	for _, digit := range w.take(size) {
		number = number<<8 | uint64(digit)
	}
	return number
}

func (w *wire) text() string {
	length := w.take(2)
	if w.short {
		return ""
	}
	size := binary.BigEndian.Uint16(length)
	if size > 1<<15-1 { // a negative length, which is a text that is null
		w.short = true
		return ""
	}
	return string(w.take(int(size)))
}

// ended reports whether all was read and nothing is left.
func (w *wire) ended() bool { return !w.short && len(w.left) == 0 }

// MirrorTopic is a topic of MirrorMaker 2's own, as its name says it
// (DefaultReplicationPolicy).
type MirrorTopic struct {
	Name string
	// Alias is that of the source of a checkpoints topic, and of the other cluster
	// of an offset-syncs topic: the target's where that is kept in the source's
	// Kafka, the source's where it is kept in the target's.
	Alias string
	// Separator is replication.policy.separator, or "." where that does not count
	// for internal topics.
	Separator string
}

// MirrorTopics are those of one Kafka, sorted by name.
type MirrorTopics struct{ Checkpoints, OffsetSyncs []MirrorTopic }

// MirrorTopics finds the topics in which MirrorMaker 2 keeps checkpoints and offset
// syncs, by their names, whatever separator they are made with.
func (c *Client) MirrorTopics(ctx context.Context) (MirrorTopics, error) {
	told, err := c.allMetadata(ctx)
	if err != nil {
		return MirrorTopics{}, fmt.Errorf("kafka %s: list topics: %w", c.brokers, err)
	}
	var found MirrorTopics
	for _, name := range sorted(told.topics) {
		if told.topics[name].err != nil {
			continue
		}
		if topic, ok := checkpointsTopic(name); ok {
			found.Checkpoints = append(found.Checkpoints, topic)
		}
		if topic, ok := offsetSyncsTopic(name); ok {
			found.OffsetSyncs = append(found.OffsetSyncs, topic)
		}
	}
	return found, nil
}

const internalSuffix = "internal"

// checkpointsTopic reads ALIAS.checkpoints.internal.
func checkpointsTopic(name string) (MirrorTopic, bool) {
	rest, internal := strings.CutSuffix(name, internalSuffix)
	at := strings.LastIndex(rest, "checkpoints")
	if !internal || at < 0 {
		return MirrorTopic{}, false
	}
	separator := rest[at+len("checkpoints"):]
	alias, separated := strings.CutSuffix(rest[:at], separator)
	if separator == "" || !separated || alias == "" {
		return MirrorTopic{}, false
	}
	return MirrorTopic{Name: name, Alias: alias, Separator: separator}, true
}

// offsetSyncsTopic reads mm2-offset-syncs.ALIAS.internal. The separator is the
// longest that is at both places, short of leaving no alias.
func offsetSyncsTopic(name string) (MirrorTopic, bool) {
	rest, ours := strings.CutPrefix(name, "mm2-offset-syncs")
	middle, internal := strings.CutSuffix(rest, internalSuffix)
	if !ours || !internal {
		return MirrorTopic{}, false
	}
	for size := (len(middle) - 1) / 2; size > 0; size-- {
		separator := middle[:size]
		if strings.HasSuffix(middle, separator) {
			return MirrorTopic{Name: name, Alias: middle[size : len(middle)-size], Separator: separator}, true
		}
	}
	return MirrorTopic{}, false
}
