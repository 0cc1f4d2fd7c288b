package connecttest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// MirrorSpec says what a [Mirror] copies.
type MirrorSpec struct {
	From, To *Kafka
	// Alias and TargetAlias name the two clusters; a topic is called Alias.TOPIC on
	// the target, unless KeepNames is set (IdentityReplicationPolicy).
	Alias, TargetAlias string
	KeepNames          bool
	Topics             []string
	// Groups are those to make checkpoints for.
	Groups []string
	// Interval is of checkpoints, and of the offset syncs that are written with the
	// commits of the connector, overriding the default of 10 s. Lag is
	// offset.lag.max, after how many records a sync does not wait for that,
	// overriding the default of 100.
	Interval time.Duration
	Lag      int64
	// SyncsOnTarget is offset-syncs.topic.location=target.
	SyncsOnTarget bool
	// SyncGroups is sync.group.offsets.enabled, each Interval.
	SyncGroups bool
	// Changes makes the copies differ from the originals in their timestamps, Transforms in
	// what they hold, as a transform does.
	Changes, Transforms bool
	// Twice is how many of the first records of each partition are copied twice, as
	// after a worker that died, so that offsets differ from then on.
	Twice int64
}

// Mirror is MirrorMaker 2, of Kafka 3.5 or later, in memory: a source connector and
// a checkpoint connector.
type Mirror struct {
	MirrorSpec
	state   map[topicPartition]*mirrored
	next    time.Time // of checkpoints
	stopped chan struct{}
	ended   chan struct{}
}

// mirrored is one partition of the source.
type mirrored struct {
	next    int64              // to be copied
	again   bool               // Twice was done
	synced  int64              // copy at which the last sync was written, or -1
	delayed *kafka.OffsetSync  // to be written with the next commit
	syncs   []kafka.OffsetSync // that the checkpoint connector has read
}

const mirrorPace = 500 * time.Millisecond

// StartMirror copies until it is stopped.
func StartMirror(spec MirrorSpec) *Mirror {
	if spec.Interval == 0 {
		spec.Interval = 10 * time.Second
	}
	if spec.Lag == 0 {
		spec.Lag = 100
	}
	m := &Mirror{MirrorSpec: spec, state: map[topicPartition]*mirrored{}, next: time.Now().Add(spec.Interval), stopped: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for {
			timer := time.NewTimer(mirrorPace)
			select {
			case <-m.stopped:
				timer.Stop()
				return
			case <-timer.C:
				m.copy()
				if !time.Now().Before(m.next) {
					m.next = m.next.Add(m.Interval)
					m.commit()
				}
			}
		}
	}()
	return m
}

// Stop ends it; what was copied last has no sync then, unless it was due.
func (m *Mirror) Stop() {
	select {
	case <-m.stopped:
	default:
		close(m.stopped)
	}
	<-m.ended
}

func (m *Mirror) name(topic string) string {
	if m.KeepNames {
		return topic
	}
	return m.Alias + "." + topic
}

func (m *Mirror) copy() {
	for _, topic := range m.Topics {
		for partition, records := range m.From.since(topic, m) {
			where := topicPartition{topic, partition}
			state := m.state[where]
			if state == nil {
				state = &mirrored{synced: -1}
				m.state[where] = state
			}
			for _, record := range records {
				m.write(where, state, record)
				if !state.again && state.next == m.Twice && m.Twice > 0 {
					*state = mirrored{again: true, synced: -1, syncs: state.syncs} // what a task that begins anew knows
					break                                                          // it goes on with the next round
				}
			}
		}
	}
}

// since returns the records of each partition that are to be copied.
func (k *Kafka) since(topic string, m *Mirror) map[int][]Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[int][]Record{}
	for partition, records := range k.topics[topic] {
		next := int64(0)
		if state := m.state[topicPartition{topic, partition}]; state != nil {
			next = state.next
		}
		all[partition] = slices.Clone(records[next:])
	}
	return all
}

// write copies one record (MirrorSourceTask.commitRecord, OffsetSyncWriter).
func (m *Mirror) write(where topicPartition, state *mirrored, record Record) {
	if m.Changes {
		record.At = record.At.Add(time.Millisecond)
	}
	record.transformed = m.Transforms
	m.To.mu.Lock()
	downstream := int64(len(m.To.topics[m.name(where.topic)][where.partition]))
	m.To.append(m.name(where.topic), record)
	m.To.mu.Unlock()
	sync := kafka.OffsetSync{Topic: where.topic, Partition: int32(where.partition), Upstream: state.next, Downstream: downstream} //nolint:gosec // a handful
	state.next++
	if state.synced < 0 || downstream-(state.synced+1) >= m.Lag {
		state.synced, state.delayed = downstream, nil
		m.sync(state, sync)
		return
	}
	state.delayed = &sync
}

func (m *Mirror) sync(state *mirrored, sync kafka.OffsetSync) {
	state.syncs = append(state.syncs, sync)
	keeper, alias := m.From, m.TargetAlias
	if m.SyncsOnTarget {
		keeper, alias = m.To, m.Alias
	}
	keeper.mu.Lock()
	defer keeper.mu.Unlock()
	keeper.syncs[alias] = append(keeper.syncs[alias], sync)
}

// commit writes the syncs that have waited, and then the checkpoints
// (MirrorCheckpointTask.checkpointsForGroup).
func (m *Mirror) commit() {
	for _, state := range m.state {
		if state.delayed != nil {
			m.sync(state, *state.delayed)
			state.synced, state.delayed = state.delayed.Downstream, nil
		}
	}
	for _, name := range m.Groups {
		m.From.mu.Lock()
		committed := map[topicPartition]int64{}
		for where, at := range m.From.group(name).offsets {
			committed[where] = at
		}
		m.From.mu.Unlock()
		for where, at := range committed {
			if state := m.state[where]; state != nil {
				m.checkpoint(name, where, state, at)
			}
		}
	}
}

func (m *Mirror) checkpoint(group string, where topicPartition, state *mirrored, upstream int64) {
	var last *kafka.OffsetSync
	for i := range state.syncs {
		if state.syncs[i].Upstream <= upstream {
			last = &state.syncs[i]
		}
	}
	if last == nil {
		return
	}
	downstream := last.Downstream + min(1, upstream-last.Upstream)
	m.To.mu.Lock()
	defer m.To.mu.Unlock()
	all := m.To.checkpoints[m.Alias]
	made := kafka.Checkpoint{Group: group, Topic: m.name(where.topic), Partition: int32(where.partition), Upstream: upstream, Downstream: downstream} //nolint:gosec // a handful
	at := slices.IndexFunc(all, func(other kafka.Checkpoint) bool {
		return other.Group == group && other.Topic == made.Topic && other.Partition == made.Partition
	})
	switch {
	case at < 0:
		m.To.checkpoints[m.Alias] = append(all, made)
	case upstream < all[at].Upstream, downstream > all[at].Downstream:
		all[at] = made
	}
	there := topicPartition{made.Topic, where.partition}
	if target := m.To.group(group); m.SyncGroups && len(target.members) == 0 && target.offsets[there] < downstream {
		target.offsets[there] = downstream
	}
}

// DeleteTopic removes a topic, with what MirrorMaker has not noted in it.
func (k *Kafka) DeleteTopic(topic string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.topics, topic)
}

// PutCheckpoint writes a checkpoint, as of another MirrorMaker or an older one.
func (k *Kafka) PutCheckpoint(alias string, checkpoint kafka.Checkpoint) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.checkpoints[alias] = append(k.checkpoints[alias], checkpoint)
}

// ForgetSyncs removes the offset syncs of an alias, as if their topic had gone.
func (k *Kafka) ForgetSyncs(alias string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.syncs, alias)
}

const (
	syncsBefore, checkpointsAfter = "mm2-offset-syncs.", ".checkpoints.internal"
	syncsAfter                    = ".internal"
)

// MirrorTopics returns the topics of [Mirror], as [kafka.Client.MirrorTopics] does.
func (k *Kafka) MirrorTopics(ctx context.Context) (kafka.MirrorTopics, error) {
	var found kafka.MirrorTopics
	err := k.access(ctx, Access{Verb: "list topics"}, func() error {
		for _, alias := range sortedKeys(k.checkpoints) {
			found.Checkpoints = append(found.Checkpoints, kafka.MirrorTopic{Name: alias + checkpointsAfter, Alias: alias, Separator: "."})
		}
		for _, alias := range sortedKeys(k.syncs) {
			found.OffsetSyncs = append(found.OffsetSyncs, kafka.MirrorTopic{Name: syncsBefore + alias + syncsAfter, Alias: alias, Separator: "."})
		}
		return nil
	})
	return found, err
}

// OffsetSyncs returns the records of an offset-syncs topic.
func (k *Kafka) OffsetSyncs(ctx context.Context, topic string) (syncs []kafka.OffsetSync, err error) {
	err = k.access(ctx, Access{"read mirror", topic}, func() error {
		syncs = slices.Clone(k.syncs[strings.TrimSuffix(strings.TrimPrefix(topic, syncsBefore), syncsAfter)])
		return nil
	})
	return syncs, err
}

// Checkpoints returns the last checkpoint of each partition of a group.
func (k *Kafka) Checkpoints(ctx context.Context, topic, group string) (checkpoints []kafka.Checkpoint, err error) {
	err = k.access(ctx, Access{"read mirror", topic}, func() error {
		for _, checkpoint := range k.checkpoints[strings.TrimSuffix(topic, checkpointsAfter)] {
			if checkpoint.Group == group {
				checkpoints = append(checkpoints, checkpoint)
			}
		}
		return nil
	})
	return checkpoints, err
}

// Bounds returns what each partition of a topic holds; nothing is ever removed.
func (k *Kafka) Bounds(ctx context.Context, topic string) (map[int32]kafka.Bounds, error) {
	bounds := map[int32]kafka.Bounds{}
	err := k.access(ctx, Access{"read mirror", topic}, func() error {
		for partition, records := range k.topics[topic] {
			bounds[int32(partition)] = kafka.Bounds{End: int64(len(records))} //nolint:gosec // a handful
		}
		return nil
	})
	return bounds, err
}

// RecordsAt returns the records at one offset of each partition.
func (k *Kafka) RecordsAt(ctx context.Context, topic string, at map[int32]int64) (map[int32]kafka.Fingerprint, error) {
	found := map[int32]kafka.Fingerprint{}
	err := k.access(ctx, Access{"read mirror", topic}, func() error {
		for partition, offset := range at {
			if records := k.topics[topic][int(partition)]; offset < int64(len(records)) {
				found[partition] = fingerprint(records[offset])
			}
		}
		return nil
	})
	return found, err
}

func fingerprint(record Record) kafka.Fingerprint {
	content := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %t", record.Stream, record.Partition, record.Number, record.transformed))
	return kafka.Fingerprint{Content: content, Timestamp: record.At.UnixMilli()}
}

// RecordsWithin returns the records of partitions that are within bounds.
func (k *Kafka) RecordsWithin(ctx context.Context, topic string, within map[int32]kafka.Bounds) (map[int32][]kafka.Numbered, error) {
	found := map[int32][]kafka.Numbered{}
	err := k.access(ctx, Access{"read mirror", topic}, func() error {
		for partition, wanted := range within {
			records := k.topics[topic][int(partition)]
			for offset := max(wanted.Start, 0); offset < min(wanted.End, int64(len(records))); offset++ {
				found[partition] = append(found[partition], kafka.Numbered{Offset: offset, Fingerprint: fingerprint(records[offset])})
			}
		}
		return nil
	})
	return found, err
}

// RecordsFrom counts the records of partitions, each from an offset on.
func (k *Kafka) RecordsFrom(ctx context.Context, topic string, from map[int32]int64) (map[int32]int64, error) {
	counts := map[int32]int64{}
	err := k.access(ctx, Access{"read mirror", topic}, func() error {
		for partition, offset := range from {
			counts[partition] = int64(len(k.topics[topic][int(partition)])) - offset
		}
		return nil
	})
	return counts, err
}
