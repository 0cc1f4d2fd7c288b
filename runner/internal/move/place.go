package move

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Way is on which way the offsets of a connector travel.
type Way string

// The ways. Auto takes REST where both clusters can and the offsets survive it.
const (
	Auto    Way = "auto"
	ByREST  Way = "rest"
	ByTopic Way = "raw"   // records of the offsets topics, byte for byte
	ByGroup Way = "group" // a sink's, which are those of its consumer group
	// ByCheckpoints says of a sink's offsets that they were translated for another
	// Kafka cluster. They are read and written by REST or of the group, as any sink's.
	ByCheckpoints Way = "checkpoints"
)

// place is where the offsets of one connector are kept on one side.
type place interface {
	read(ctx context.Context) (offset.Document, error)
	// write applies a patch. unclear is when a request was sent last of which
	// nobody knows whether it was carried out, or still will be; zero for none.
	write(ctx context.Context, patch offset.Document) (unclear time.Time, err error)
}

// restPlace is what Connect's REST API reads and writes.
type restPlace struct {
	cluster   *Cluster
	connector string
	sink      bool
}

func (p restPlace) read(ctx context.Context) (offset.Document, error) {
	return proof.Offsets(ctx, p.cluster.Client, p.connector)
}

// Entries in one PATCH. A sink's are offsets of a consumer group, which the
// broker takes in one request.
const (
	sourceChunk = 5000
	sinkChunk   = 1000
)

func (p restPlace) write(ctx context.Context, patch offset.Document) (unclear time.Time, err error) {
	size := sourceChunk
	if p.sink {
		size = sinkChunk
	}
	for _, chunk := range patch.Chunks(size) {
		sent, err := alterOffsets(ctx, p.cluster, p.connector, chunk)
		if sent.After(unclear) {
			unclear = sent
		}
		if err != nil {
			return unclear, err
		}
	}
	return unclear, nil
}

// topicPlace is the offsets topics of a source: its own first, if it has one, and
// its cluster's. Only the first counts. The documented fallback from a connector's
// own topic to the cluster's does not exist: of a key that is only in the latter,
// ConnectorOffsetBackingStore answers null (seen on 3.4.1, 3.6.2 and 4.3.1).
type topicPlace struct {
	topics    []OffsetTopic
	connector string
}

func (p topicPlace) read(ctx context.Context) (offset.Document, error) {
	return p.topics[0].Read(ctx, p.connector)
}

// write writes to all of the topics, as commits and a PATCH do.
func (p topicPlace) write(ctx context.Context, patch offset.Document) (time.Time, error) {
	for _, topic := range p.topics {
		if err := topic.Write(ctx, p.connector, patch); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, nil
}

// groupPlace is a sink's consumer group.
type groupPlace struct {
	groups GroupOffsets
	group  string
}

func (p groupPlace) read(ctx context.Context) (offset.Document, error) {
	return p.groups.GroupOffsets(ctx, p.group)
}

func (p groupPlace) write(ctx context.Context, patch offset.Document) (time.Time, error) {
	return time.Time{}, p.groups.CommitGroupOffsets(ctx, p.group, patch)
}

// place opens the place of a connector's offsets on one side.
func (w Way) place(cluster *Cluster, connector string, side Side) (place, error) {
	switch w {
	case ByTopic:
		return openTopics(cluster, connector, side)
	case ByGroup:
		if cluster.GroupOffsets == nil {
			return nil, refused(fmt.Sprintf("the offsets of a sink on %s can only be read from its Kafka: name kafka.bootstrap_servers of it in the clusters file", cluster.Name))
		}
		return groupPlace{groups: cluster.GroupOffsets, group: sinkGroup(connector, side.Config)}, nil
	case ByREST, Auto, ByCheckpoints:
	}
	return restPlace{cluster: cluster, connector: connector, sink: side.sink()}, nil
}

func openTopics(cluster *Cluster, connector string, side Side) (place, error) {
	open := func(name string) (OffsetTopic, error) {
		if cluster.Offsets == nil {
			return nil, refused(fmt.Sprintf("the offsets topic of %s is not known: name kafka.bootstrap_servers and kafka.offset_storage_topic of it in the clusters file", cluster.Name))
		}
		topic, err := cluster.Offsets(name)
		if err != nil {
			return nil, refused(err.Error())
		}
		return topic, nil
	}
	var topics []OffsetTopic
	if own := ownTopic(side.Config); own != "" {
		if servers := side.Config.Text("producer.override.bootstrap.servers"); servers != "" {
			return nil, refused(fmt.Sprintf("offsets of %q are in topic %s of the Kafka its producer.override.bootstrap.servers names, which ferry does not open", connector, own))
		}
		topic, err := open(own)
		if err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	topic, err := open("")
	if err != nil {
		return nil, err
	}
	if len(topics) == 0 || topics[0].Name() != topic.Name() {
		topics = append(topics, topic)
	}
	return topicPlace{topics: topics, connector: connector}, nil
}
