package move

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// uncommitted names the partitions of a sink's topics for which its group has
// committed nothing. A copy with a group of its own begins them where
// auto.offset.reset says, as the origin would after a restart. Topics that a
// pattern names are not known here.
func uncommitted(ctx context.Context, request Request, found *checked) ([]string, error) {
	consumed := found.config
	if !found.oneKafka && !request.SameLog {
		consumed = found.observed.Origin.Config // the copy's topics may be called otherwise
	}
	topics := listed(consumed)
	if request.Origin.GroupOffsets == nil || len(topics) == 0 {
		return nil, nil
	}
	partitions, err := request.Origin.GroupOffsets.Partitions(ctx, topics...)
	if err != nil {
		return nil, err
	}
	committed := committedPartitions(found.offsets)
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

// tellUncommitted tells of them before anything is moved.
func (m *Mover) tellUncommitted(ctx context.Context, request Request, found *checked) error {
	missing, err := uncommitted(ctx, request, found)
	if err != nil || len(missing) == 0 {
		return err
	}
	reset := "auto.offset.reset of the target's workers (earliest by default)"
	if own := found.config.Text("consumer.override.auto.offset.reset"); own != "" {
		reset = "consumer.override.auto.offset.reset=" + own
	}
	m.note(request.Connector, event.Warn, "group %s has committed nothing for %d partitions (%s); the copy begins them by %s",
		found.group, len(missing), abbreviated(missing), reset)
	return nil
}

const namesShown = 5

func abbreviated(names []string) string {
	if len(names) <= namesShown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:namesShown], ", ") + ", ..."
}
