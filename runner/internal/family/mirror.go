package family

import (
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Mirror is where a MirrorSourceConnector reads and writes.
type Mirror struct {
	// SyncsTopic is its topic of offset syncs. SyncsOnSource says that it is in the
	// source's Kafka.
	SyncsTopic    string
	SyncsOnSource bool
	// SourceBrokers are the bootstrap servers of the source's Kafka.
	SourceBrokers string
	alias         string
	separator     string // "" for a policy that keeps the names
}

const (
	defaultPolicy  = "org.apache.kafka.connect.mirror.DefaultReplicationPolicy"
	identityPolicy = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"
)

// MirrorOf reads a MirrorSourceConnector's config. The error says why what it has
// replicated cannot be determined from outside.
func MirrorOf(config rawjson.Object) (Mirror, error) {
	mirror := Mirror{
		SourceBrokers: config.Text("source.cluster.bootstrap.servers"),
		SyncsOnSource: value(config, "offset-syncs.topic.location", "source") == "source",
		alias:         config.Text("source.cluster.alias"),
		separator:     value(config, "replication.policy.separator", "."),
	}
	other := value(config, "target.cluster.alias", "target")
	if !mirror.SyncsOnSource {
		other = mirror.alias
	}
	mirror.SyncsTopic = "mm2-offset-syncs." + other + ".internal"
	if mirror.separator != "." && value(config, "replication.policy.internal.topic.separator.enabled", "true") != "false" {
		mirror.SyncsTopic = "mm2-offset-syncs" + mirror.separator + other + mirror.separator + "internal"
	}
	switch policy := value(config, "replication.policy.class", defaultPolicy); policy {
	case defaultPolicy:
	case identityPolicy:
		mirror.separator = ""
	default:
		return Mirror{}, fmt.Errorf("how %s names topics is not known", policy)
	}
	switch {
	case config.Text("transforms") != "":
		return Mirror{}, fmt.Errorf("its transforms may leave records out")
	case config.Text("emit.offset-syncs.enabled") == "false":
		return Mirror{}, fmt.Errorf("it writes no offset syncs")
	case config.Text("producer.override.bootstrap.servers") != "":
		return Mirror{}, fmt.Errorf("its records go to a Kafka of its own (producer.override.bootstrap.servers)")
	}
	return mirror, nil
}

// TargetTopic is the name of a source topic on the target.
func (m Mirror) TargetTopic(topic string) string {
	if m.separator == "" {
		return topic
	}
	return m.alias + m.separator + topic
}

// Replicated is a source partition and the offset of its last record that was committed
// as replicated.
type Replicated struct {
	Topic     string
	Partition int32
	Upstream  int64
}

// Committed parses a connector's offsets.
func (m Mirror) Committed(offsets offset.Document) ([]Replicated, error) {
	var all []Replicated
	for _, entry := range offsets.Entries() {
		partition, err := entry.Partition.Object()
		if err != nil {
			return nil, err
		}
		at, err := entry.Offset.Object()
		if err != nil {
			return nil, err
		}
		number, hasPartition := partition.Int("partition")
		upstream, hasOffset := at.Int("offset")
		topic := partition.Text("topic")
		if topic == "" || !hasPartition || !hasOffset || number < 0 || number > 1<<31-1 {
			return nil, fmt.Errorf("%s is no partition of a MirrorSourceConnector", entry.Partition)
		}
		if partition.Text("cluster") == m.alias {
			all = append(all, Replicated{Topic: topic, Partition: int32(number), Upstream: upstream}) // #nosec G115 -- within its range
		}
	}
	return all, nil
}

// Since says how to count the records that follow the committed one on the target: the
// records from downstream on, minus less. known is false if no offset sync shows it.
//
// MirrorSourceTask writes an offset sync when it starts and whenever there is a gap in
// the source's offsets. So from the last sync at or before a record up to that record,
// each offset of the source has a record on the target.
func (r Replicated) Since(syncs []kafka.OffsetSync) (downstream, less int64, known bool) {
	for _, sync := range syncs {
		if sync.Topic == r.Topic && sync.Partition == r.Partition && sync.Upstream <= r.Upstream+1 {
			downstream, less, known = sync.Downstream, r.Upstream-sync.Upstream+1, true
		}
	}
	return downstream, less, known
}
