package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// MirrorLog reads what MirrorMaker 2 wrote in one Kafka; [kafka.Client] is the real one.
type MirrorLog interface {
	// MirrorTopics finds MirrorMaker's own topics by their names.
	MirrorTopics(ctx context.Context) (kafka.MirrorTopics, error)
	OffsetSyncs(ctx context.Context, topic string) ([]kafka.OffsetSync, error)
	// Checkpoints returns the last one of each partition of a group.
	Checkpoints(ctx context.Context, topic, group string) ([]kafka.Checkpoint, error)
	// Bounds are of the partitions of a topic, of which there are none if it does not exist.
	Bounds(ctx context.Context, topic string) (map[int32]kafka.Bounds, error)
	// RecordsAt returns the committed records at one offset of each partition, as
	// far as they are there.
	RecordsAt(ctx context.Context, topic string, at map[int32]int64) (map[int32]kafka.Fingerprint, error)
	// RecordsFrom counts the committed records of partitions, from an offset on.
	RecordsFrom(ctx context.Context, topic string, from map[int32]int64) (map[int32]int64, error)
}

const mirrorSource = "MirrorMaker 2 source"

// lookOutside counts, for a connector whose results can be read, how many records
// it has written after those that its offsets say it has: the copy would send them
// again. It is asked once the offsets are final.
func (c *cutover) lookOutside(ctx context.Context) error {
	config := c.config
	if family.For(config).Name != mirrorSource {
		return nil
	}
	return c.step("outside", func() (string, error) {
		again, partitions, err := c.mirroredAgain(ctx, config)
		if err != nil {
			c.note(c.request.Connector, event.Info, "whether records would be sent again cannot be counted: %s", err)
			return "not countable", nil
		}
		c.result.SentAgain = &again
		said := fmt.Sprintf("%d records are on the target topics that the offsets do not count, so they would be sent again", again)
		switch {
		case again == 0:
			return "the last records of the target topics are those of the offsets", nil
		case c.Options.Proof.AllowDuplicates:
			c.note(c.request.Connector, event.Warn, "%s (%s)", said, strings.Join(partitions, ", "))
			return said, nil
		}
		return "", &proof.NotProvenError{Reason: fmt.Sprintf("%s (%s); they are sent again on %s too when it goes on there; accept it with --allow-duplicates",
			said, strings.Join(partitions, ", "), c.from.Name)}
	})
}

// mirroredAgain counts. partitions says how many records are of which, for people.
func (c *cutover) mirroredAgain(ctx context.Context, config rawjson.Object) (again int64, partitions []string, err error) {
	mirror, err := family.MirrorOf(config)
	if err != nil {
		return 0, nil, err
	}
	if c.from.Mirrors == nil {
		return 0, nil, fmt.Errorf("the Kafka of %s is not named in the clusters file", c.from.Name)
	}
	committed, err := mirror.Committed(c.final)
	if err != nil {
		return 0, nil, err
	}
	syncs, err := c.from.Mirrors.Syncs(ctx, mirror, config)
	if err != nil {
		return 0, nil, err
	}
	from, less := map[string]map[int32]int64{}, map[string]map[int32]int64{}
	for _, replicated := range committed {
		downstream, fewer, known := replicated.Since(syncs)
		if !known {
			return 0, nil, fmt.Errorf("no offset sync tells where record %d of %s-%d is on the target", replicated.Upstream, replicated.Topic, replicated.Partition)
		}
		topic := mirror.TargetTopic(replicated.Topic)
		if from[topic] == nil {
			from[topic], less[topic] = map[int32]int64{}, map[int32]int64{}
		}
		from[topic][replicated.Partition], less[topic][replicated.Partition] = downstream, fewer
	}
	for topic, starts := range from {
		counts, err := c.from.Mirrors.RecordsFrom(ctx, topic, starts)
		if err != nil {
			return 0, nil, err
		}
		for partition, count := range counts {
			more := count - less[topic][partition]
			if more < 0 {
				return 0, nil, fmt.Errorf("%s-%d holds fewer records than were replicated, some were removed", topic, partition)
			}
			again += more
			if more > 0 {
				partitions = append(partitions, fmt.Sprintf("%s-%d: %d", topic, partition, more))
			}
		}
	}
	slices.Sort(partitions)
	return again, partitions, nil
}

// Mirrors reads what a MirrorSourceConnector of a cluster wrote.
type Mirrors struct {
	// Log is of the Kafka that the cluster's workers write to.
	Log MirrorLog
	// Open opens another Kafka, without a login; nil if that cannot be.
	Open func(ctx context.Context, brokers []string) (log MirrorLog, closed func(), err error)
}

// RecordsFrom is of the cluster's own Kafka.
func (m *Mirrors) RecordsFrom(ctx context.Context, topic string, from map[int32]int64) (map[int32]int64, error) {
	return m.Log.RecordsFrom(ctx, topic, from)
}

// Syncs reads the offset syncs, in the Kafka of the source if they are there.
func (m *Mirrors) Syncs(ctx context.Context, mirror family.Mirror, config rawjson.Object) ([]kafka.OffsetSync, error) {
	if !mirror.SyncsOnSource {
		return m.Log.OffsetSyncs(ctx, mirror.SyncsTopic)
	}
	for _, key := range []string{"source.cluster.security.protocol", "source.admin.security.protocol", "security.protocol"} {
		if protocol := config.Text(key); protocol != "" && protocol != "PLAINTEXT" {
			return nil, fmt.Errorf("its offset syncs are in the Kafka of its source, which asks for a login (%s=%s) that ferry does not take from a connector's config; "+
				"with offset-syncs.topic.location=target they can be read", key, protocol)
		}
	}
	if m.Open == nil || mirror.SourceBrokers == "" {
		return nil, fmt.Errorf("its offset syncs are in the Kafka of its source, which cannot be opened")
	}
	source, closed, err := m.Open(ctx, strings.Split(strings.ReplaceAll(mirror.SourceBrokers, " ", ""), ","))
	if err != nil {
		return nil, fmt.Errorf("the Kafka of its source: %w", err)
	}
	defer closed()
	return source.OffsetSyncs(ctx, mirror.SyncsTopic)
}
