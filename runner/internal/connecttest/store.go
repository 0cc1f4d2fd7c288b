package connecttest

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// offsetStore is where a source connector keeps its offsets: the cluster's topic
// and, with offsets.storage.topic, one of its own before it
// (ConnectorOffsetBackingStore, Kafka 3.3).
type offsetStore struct {
	own    *offsetsTopic // nil: none
	shared *offsetsTopic // offset.storage.topic
}

func (c *Cluster) store(config rawjson.Object) offsetStore {
	store := offsetStore{shared: c.kafka.offsetsTopic(c.offsetsTopic)}
	if own := config.Text("offsets.storage.topic"); own != "" && own != c.offsetsTopic && c.version.since(3, 3) {
		store.own = c.kafka.offsetsTopic(own)
	}
	return store
}

// get reads the connector's own topic only, if it has one: what that does not hold
// is a null there, which hides the value in the cluster's (ConnectorOffsetBackingStore.get,
// and seen on real workers).
func (s offsetStore) get(connector string, partition rawjson.Value) (rawjson.Value, bool) {
	if s.own != nil {
		return s.own.get(connector, partition)
	}
	return s.shared.get(connector, partition)
}

// put writes both.
func (s offsetStore) put(connector string, partition, value rawjson.Value) {
	if s.own != nil {
		s.own.put(connector, partition, value)
	}
	s.shared.put(connector, partition, value)
}

// partitions returns those of both: a topic of the connector's own is read anew
// each time, and the cluster's was read until then.
func (s offsetStore) partitions(connector string, until time.Time) []rawjson.Value {
	partitions := s.shared.partitions(connector, until)
	if s.own == nil {
		return partitions
	}
	known := map[string]bool{}
	for _, partition := range partitions {
		known[partition.Canonical()] = true
	}
	for _, partition := range s.own.partitions(connector, time.Now()) {
		if !known[partition.Canonical()] {
			partitions = append(partitions, partition)
		}
	}
	return partitions
}
