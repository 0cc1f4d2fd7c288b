package mirror

import (
	"context"
	"maps"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// syncsOf are the valid offset syncs of each source partition, in the order in which they
// were written.
type syncsOf map[Partition][]kafka.OffsetSync

// validSyncs groups the records of an offset-syncs topic by partition. If the target's
// offsets go back, its topic was recreated, and the syncs before that are dropped.
func validSyncs(records []kafka.OffsetSync) syncsOf {
	syncs := syncsOf{}
	for _, sync := range records {
		where := Partition{sync.Topic, sync.Partition}
		before := syncs[where]
		if last := len(before) - 1; last >= 0 {
			if before[last] == sync {
				continue
			}
			if sync.Downstream <= before[last].Downstream {
				before = nil
			}
		}
		syncs[where] = append(before, sync)
	}
	return syncs
}

// syncs reads the offset syncs from wherever MirrorMaker may keep them: in the target's
// Kafka, under the alias of the source, or in the source's, under an alias of the target
// that is not known here. [Path.compare] finds out which of them are true.
func (m *Path) syncs(ctx context.Context) ([]syncsOf, error) {
	var sets []syncsOf
	read := func(log cluster.MirrorLog, ours func(kafka.MirrorTopic) bool) error {
		topics, err := log.MirrorTopics(ctx)
		if err != nil {
			return err
		}
		for _, topic := range topics.OffsetSyncs {
			if !ours(topic) {
				continue
			}
			records, err := log.OffsetSyncs(ctx, topic.Name)
			if err != nil {
				return err
			}
			sets = append(sets, validSyncs(records))
		}
		return nil
	}
	if err := read(m.target, func(topic kafka.MirrorTopic) bool { return topic.Alias == m.checkpoints.Alias }); err != nil {
		return nil, err
	}
	if m.source == nil {
		return sets, nil
	}
	return sets, read(m.source, func(kafka.MirrorTopic) bool { return true })
}

// compare takes the last offset sync of each source partition that fits a position, and
// compares the two records that the sync pairs. For partitions that are not in the result, the
// records could not be compared.
func (m *Path) compare(ctx context.Context, sets []syncsOf, at Positions, fits func(sync kafka.OffsetSync, at int64) bool) (compared, error) {
	found := compared{proven: map[Partition]kafka.OffsetSync{}, denied: map[Partition]kafka.OffsetSync{}, changed: map[Partition]bool{}}
	if m.source == nil {
		return found, nil
	}
	for _, set := range sets {
		upstream, downstream := map[string]map[int32]int64{}, map[string]map[int32]int64{}
		chosen := map[Partition]kafka.OffsetSync{}
		for where, position := range at {
			if _, done := found.proven[where]; done && !found.changed[where] {
				continue
			}
			for _, sync := range set[where] {
				if fits(sync, position) {
					chosen[where] = sync
				}
			}
			if sync, found := chosen[where]; found {
				put(upstream, where.topic, where.number, sync.Upstream)
				put(downstream, m.Name(where.topic), where.number, sync.Downstream)
			}
		}
		ours, err := recordsAt(ctx, m.source, upstream)
		if err != nil {
			return found, err
		}
		theirs, err := recordsAt(ctx, m.target, downstream)
		if err != nil {
			return found, err
		}
		for where, sync := range chosen {
			original, has := ours[where]
			copied, copyHas := theirs[Partition{m.Name(where.topic), where.number}]
			switch {
			case !has || !copyHas:
			case original.CopiedAs(copied):
				found.proven[where] = sync
				delete(found.denied, where)
				delete(found.changed, where)
			case original.ChangedAs(copied):
				found.proven[where], found.changed[where] = sync, true
				delete(found.denied, where)
			default:
				if _, done := found.proven[where]; !done {
					found.denied[where] = sync
				}
			}
		}
	}
	return found, nil
}

// compared is what the records say of the last fitting sync of each partition.
type compared struct {
	// proven are the syncs whose records are equal, or in changed: those that have one
	// timestamp, as MirrorMaker changes what it copies.
	proven  map[Partition]kafka.OffsetSync
	changed map[Partition]bool
	// denied are the syncs whose records differ: they are of another pair of clusters, or one
	// of the topics was recreated.
	denied map[Partition]kafka.OffsetSync
}

func put(all map[string]map[int32]int64, topic string, number int32, offset int64) {
	if all[topic] == nil {
		all[topic] = map[int32]int64{}
	}
	all[topic][number] = offset
}

func recordsAt(ctx context.Context, log cluster.MirrorLog, offsets map[string]map[int32]int64) (map[Partition]kafka.Fingerprint, error) {
	found := map[Partition]kafka.Fingerprint{}
	for _, topic := range slices.Sorted(maps.Keys(offsets)) {
		records, err := log.RecordsAt(ctx, topic, offsets[topic])
		if err != nil {
			return nil, err
		}
		for number, record := range records {
			found[Partition{topic, number}] = record
		}
	}
	return found, nil
}

func boundsOf(ctx context.Context, log cluster.MirrorLog, topics []string) (map[Partition]kafka.Bounds, error) {
	all := map[Partition]kafka.Bounds{}
	for _, topic := range topics {
		bounds, err := log.Bounds(ctx, topic)
		if err != nil {
			return nil, err
		}
		for number, each := range bounds {
			all[Partition{topic, number}] = each
		}
	}
	return all, nil
}
