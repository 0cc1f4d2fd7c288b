package mirror

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// IsSource reports whether a config is that of a MirrorSourceConnector, for which
// [SentAgain] can count.
func IsSource(settings rawjson.Object) bool {
	return family.For(settings).Name == "MirrorMaker 2 source"
}

// SentAgain counts the records that a MirrorSourceConnector has written beyond its
// offsets: a copy that continues from these offsets sends them again. partitions lists
// the count of each partition, for messages. The error says why the records cannot be
// counted.
func SentAgain(ctx context.Context, of *cluster.Cluster, settings rawjson.Object, offsets offset.Document) (again int64, partitions []string, err error) {
	source, err := family.MirrorOf(settings)
	if err != nil {
		return 0, nil, err
	}
	mirrors, err := of.Mirrors()
	if err != nil {
		return 0, nil, err
	}
	committed, err := source.Committed(offsets)
	if err != nil {
		return 0, nil, err
	}
	syncs, err := syncsOfSource(ctx, mirrors, source, settings)
	if err != nil {
		return 0, nil, err
	}
	from, less := map[string]map[int32]int64{}, map[string]map[int32]int64{}
	for _, replicated := range committed {
		downstream, fewer, known := replicated.Since(syncs)
		if !known {
			return 0, nil, fmt.Errorf("no offset sync tells where record %d of %s-%d is on the target", replicated.Upstream, replicated.Topic, replicated.Partition)
		}
		topic := source.TargetTopic(replicated.Topic)
		put(from, topic, replicated.Partition, downstream)
		put(less, topic, replicated.Partition, fewer)
	}
	for topic, starts := range from {
		counts, err := mirrors.Log.RecordsFrom(ctx, topic, starts)
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

// syncsOfSource reads the offset syncs of a MirrorSourceConnector, which are in the Kafka
// of its target or, with offset-syncs.topic.location=source, in that of its source.
func syncsOfSource(ctx context.Context, mirrors cluster.Mirrors, source family.Mirror, settings rawjson.Object) ([]kafka.OffsetSync, error) {
	if !source.SyncsOnSource {
		return mirrors.Log.OffsetSyncs(ctx, source.SyncsTopic)
	}
	for _, key := range []string{"source.cluster.security.protocol", "source.admin.security.protocol", "security.protocol"} {
		if protocol := settings.Text(key); protocol != "" && protocol != "PLAINTEXT" {
			return nil, fmt.Errorf("its offset syncs are in the Kafka of its source, which asks for a login (%s=%s) that ferry does not take from a connector's config; "+
				"with offset-syncs.topic.location=target they can be read", key, protocol)
		}
	}
	if mirrors.Open == nil || source.SourceBrokers == "" {
		return nil, fmt.Errorf("its offset syncs are in the Kafka of its source, which cannot be opened")
	}
	log, closed, err := mirrors.Open(ctx, strings.Split(strings.ReplaceAll(source.SourceBrokers, " ", ""), ","))
	if err != nil {
		return nil, fmt.Errorf("the Kafka of its source: %w", err)
	}
	defer closed()
	return log.OffsetSyncs(ctx, source.SyncsTopic)
}
