package check

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// offsets refuses offsets that cannot be read on the origin or written on the target.
func offsets(ctx context.Context, f *facts) (string, error) {
	if f.shared() && f.sink() {
		return "consumer group " + f.group() + " is shared by both clusters, nothing to copy", nil
	}
	opened, err := f.open(ctx)
	if err != nil {
		return "", err
	}
	found := words.Count(opened.Offsets.Len(), "entry") + ", " + opened.How
	if opened.External() {
		found = "mean nothing to a connector that acknowledges in the system it reads from, nothing to copy"
	} else if f.shared() {
		found = words.Count(opened.Offsets.Len(), "entry") + " in a topic that both clusters read, nothing to copy"
	}
	origin := f.request.Origin
	if unknown := f.request.TopicsKnown(); unknown != nil && !origin.Has(cluster.AlterOffsets) {
		f.warn("a rollback is not possible yet: workers before %s, such as those of %s, take no offsets by REST, and %s", cluster.AlterOffsets, origin.Name, unknown)
	}
	if f.sink() {
		return found, f.warnUncommitted(ctx, opened.Offsets)
	}
	return found, nil
}

// warnUncommitted warns of partitions for which a sink's group has committed nothing. A
// copy with a group of its own begins them where auto.offset.reset says, as the origin
// would after a restart.
func (f *facts) warnUncommitted(ctx context.Context, committed offset.Document) error {
	missing, err := f.uncommitted(ctx, committed)
	if err != nil || len(missing) == 0 {
		return err
	}
	reset := "auto.offset.reset of the target's workers (earliest by default)"
	if own := f.config().Text("consumer.override.auto.offset.reset"); own != "" {
		reset = "consumer.override.auto.offset.reset=" + own
	}
	f.warn("group %s has committed nothing for %s (%s); the copy begins them by %s",
		f.group(), words.Count(len(missing), "partition"), event.Abbreviated(missing), reset)
	return nil
}

// uncommitted names these partitions, except those of topics that the sink finds by
// topics.regex.
func (f *facts) uncommitted(ctx context.Context, offsets offset.Document) ([]string, error) {
	consumed := f.config()
	if !f.oneKafka() && !f.request.SameLog {
		consumed = f.seen.Origin.Config // the topics may have other names on the target
	}
	topics := config.Topics(consumed)
	groups, unknown := f.request.Origin.SinkOffsets()
	if unknown != nil || len(topics) == 0 {
		return nil, nil
	}
	partitions, err := groups.Partitions(ctx, topics...)
	if err != nil {
		return nil, err
	}
	committed := committedPartitions(offsets)
	var missing []string
	for _, topic := range slices.Sorted(maps.Keys(partitions)) {
		for partition := range partitions[topic] {
			if name := fmt.Sprintf("%s-%d", topic, partition); !committed[name] {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}

func committedPartitions(document offset.Document) map[string]bool {
	committed := map[string]bool{}
	for _, entry := range document.Entries() {
		partition, err := entry.Partition.Object()
		if err != nil {
			continue // a document's partitions are objects
		}
		number, _ := partition.Get("kafka_partition")
		committed[partition.Text("kafka_topic")+"-"+number.String()] = true
	}
	return committed
}
