package internaltopic

import (
	"encoding/json"
	"slices"
	"strings"
)

// Kind is the internal topic that a record belongs to, by its key.
type Kind int

const (
	NoKind      Kind = iota // no record
	ConfigKind              // of a config topic
	StatusKind              // of a status topic
	OffsetsKind             // of an offsets topic
	ForeignKind             // of none of these
)

var (
	configPrefixes = []string{
		connectorConfigPrefix, targetStatePrefix, "task-", "commit-", "tasks-fencing-", "restart-connector-", "logger-cluster-",
	}
	statusPrefixes = []string{statusConnectorPrefix, statusTaskPrefix, "status-topic-"}
)

// SessionKey is the key that a running cluster's leader writes (KIP-507).
const SessionKey = "session-key"

// KindOf tells a record by a record's key (KafkaConfigBackingStore, KafkaStatusBackingStore,
// OffsetUtils).
func KindOf(key []byte) Kind {
	text := string(key)
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	if slices.ContainsFunc(statusPrefixes, begins) {
		return StatusKind
	}
	if text == SessionKey || slices.ContainsFunc(configPrefixes, begins) {
		return ConfigKind
	}
	var name string
	if elements, _, ok := KeyElements(key); ok && len(elements) == 2 && json.Unmarshal(elements[0], &name) == nil {
		return OffsetsKind
	}
	return ForeignKind
}
