package offsetstore

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Method is how the offsets of a connector are read and written.
type Method string

// The methods. Auto uses REST if both clusters can and REST can carry the offsets.
const (
	Auto    Method = "auto"
	ByREST  Method = "rest"
	ByTopic Method = "raw"   // records of the offsets topics, byte for byte
	ByGroup Method = "group" // a sink's, from its consumer group
	// ByCheckpoints is a sink whose offsets were translated for another Kafka cluster.
	// They are read and written by REST or in the group, like those of any sink.
	ByCheckpoints Method = "checkpoints"
)

// Store is where the offsets of one instance are kept.
type Store interface {
	Read(ctx context.Context) (offset.Document, error)
	// Write applies a patch. unanswered is when the last request was sent whose answer was
	// lost, so that it may still take effect; zero if there is none.
	Write(ctx context.Context, patch offset.Document) (unanswered time.Time, err error)
}

// Open opens the store of an instance by a method. For a copy that does not exist yet,
// observed is what its cluster will say.
func Open(of instance.Instance, observed instance.Observed, by Method) (Store, error) {
	switch by {
	case ByTopic:
		return openTopics(of, observed.Config)
	case ByGroup:
		groups, err := of.Cluster.SinkOffsets()
		if err != nil {
			return nil, err
		}
		return groupStore{groups: groups, group: config.Group(of.Name, observed.Config)}, nil
	case ByREST, Auto, ByCheckpoints:
	}
	return restStore{of: of, sink: observed.Sink()}, nil
}

// None is the store of a connector that acknowledges in the system it reads from, see
// [IsExternal]: its offsets mean nothing and are not copied.
var None Store = noStore{}

// IsExternal reports whether a connector acknowledges in the system it reads from.
func IsExternal(settings rawjson.Object) bool {
	return family.For(settings).Position == family.External
}

type noStore struct{}

func (noStore) Read(context.Context) (offset.Document, error) { return offset.Document{}, nil }

func (noStore) Write(context.Context, offset.Document) (time.Time, error) { return time.Time{}, nil }

// topicStore is the offsets topics of a source: its own first, if it has one, then its
// cluster's. It reads only the first. The documented fallback from a connector's own
// topic to the cluster's does not exist: ConnectorOffsetBackingStore answers null for a
// key that only the latter has (seen on 3.4.1, 3.6.2 and 4.3.1).
type topicStore struct {
	topics    []cluster.OffsetTopic
	connector string
}

func openTopics(of instance.Instance, settings rawjson.Object) (Store, error) {
	store := topicStore{connector: of.Name}
	if own := config.OwnTopic(settings); own != "" {
		if settings.Text(config.ProducerServers) != "" {
			return nil, cluster.Refused(fmt.Sprintf("offsets of %q are in topic %s of the Kafka its %s names, which ferry does not open", of.Name, own, config.ProducerServers))
		}
		topic, err := of.Cluster.OffsetTopic(own)
		if err != nil {
			return nil, err
		}
		store.topics = append(store.topics, topic)
	}
	topic, err := of.Cluster.OffsetTopic("")
	if err != nil {
		return nil, err
	}
	if len(store.topics) == 0 || store.topics[0].Name() != topic.Name() {
		store.topics = append(store.topics, topic)
	}
	return store, nil
}

func (s topicStore) Read(ctx context.Context) (offset.Document, error) {
	return s.topics[0].Read(ctx, s.connector)
}

// Write writes to all of the topics, as Connect's commits and PATCH do.
func (s topicStore) Write(ctx context.Context, patch offset.Document) (time.Time, error) {
	for _, topic := range s.topics {
		if err := topic.Write(ctx, s.connector, patch); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, nil
}

// groupStore is a sink's consumer group.
type groupStore struct {
	groups cluster.GroupOffsets
	group  string
}

func (s groupStore) Read(ctx context.Context) (offset.Document, error) {
	return s.groups.GroupOffsets(ctx, s.group)
}

func (s groupStore) Write(ctx context.Context, patch offset.Document) (time.Time, error) {
	return time.Time{}, s.groups.CommitGroupOffsets(ctx, s.group, patch)
}
