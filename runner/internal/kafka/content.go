package kafka

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// kind is what the keys of a topic look like.
type kind int

const (
	noKind      kind = iota // it is empty
	configKind              // of a config topic
	statusKind              // of a status topic
	offsetsKind             // of an offsets topic
	foreignKind             // of none of these
)

// content is what a topic holds, as far as it helps to recognise it.
type content struct {
	topic      string
	partitions int
	kind       kind

	// Of a config topic: the connectors there are, the configs of those that are
	// asked for, and the target states.
	connectors map[string]bool
	configs    map[string]rawjson.Object
	targets    map[string]connect.State
	session    bool // it holds the key that a running cluster's leader writes (KIP-507)

	// Of a status topic: the worker of each connector.
	workers map[string]string
	ended   map[string]bool // connectors whose last record there is UNASSIGNED

	// Of an offsets topic: the offsets of the connectors that are asked for, by
	// partition.
	offsets map[string]map[rawjson.Value]rawjson.Value
}

// content reads a topic as far as it is one of Connect's. The configs may hold
// passwords, so they are kept only for the connectors that are asked for, and
// nothing is kept longer than it takes to compare it.
func (c *Client) content(ctx context.Context, topic string, partitions int, asked map[string]connect.Listed) (*content, error) {
	found := newContent(topic, partitions)
	err := c.glance(ctx, topic, func(record *kgo.Record) bool { return found.visit(record, asked) })
	return found, err
}

func newContent(topic string, partitions int) *content {
	return &content{
		topic: topic, partitions: partitions,
		connectors: map[string]bool{}, configs: map[string]rawjson.Object{}, targets: map[string]connect.State{},
		workers: map[string]string{}, ended: map[string]bool{}, offsets: map[string]map[rawjson.Value]rawjson.Value{},
	}
}

// visit takes in a record, and returns false when the topic is none of Connect's.
func (f *content) visit(record *kgo.Record, asked map[string]connect.Listed) bool {
	kind := kindOf(record.Key)
	if f.kind == noKind {
		f.kind = kind
	}
	if kind != f.kind {
		f.kind = foreignKind // in Connect's own topics there is only one kind
	}
	if f.kind == foreignKind {
		return false
	}
	f.take(record, asked)
	return true
}

var (
	configPrefixes = []string{
		connectorConfigPrefix, targetStatePrefix, "task-", "commit-", "tasks-fencing-", "restart-connector-", "logger-cluster-",
	}
	statusPrefixes = []string{connectorPrefix, taskPrefix, "status-topic-"}
)

const sessionKey = "session-key"

// kindOf tells by a record's key (KafkaConfigBackingStore, KafkaStatusBackingStore,
// OffsetUtils).
func kindOf(key []byte) kind {
	text := string(key)
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	if slices.ContainsFunc(statusPrefixes, begins) {
		return statusKind
	}
	if text == sessionKey || slices.ContainsFunc(configPrefixes, begins) {
		return configKind
	}
	var name string
	if elements, _, ok := keyElements(key); ok && len(elements) == 2 && json.Unmarshal(elements[0], &name) == nil {
		return offsetsKind
	}
	return foreignKind
}

func (f *content) take(record *kgo.Record, asked map[string]connect.Listed) {
	key := string(record.Key)
	switch f.kind {
	case configKind:
		f.takeConfig(key, record.Value, asked)
	case statusKind:
		if status, ok := parseStatus(record.Key, record.Value); ok && status.Task == OfConnector {
			f.workers[status.Connector] = status.WorkerID
			f.ended[status.Connector] = status.State == connect.Unassigned
			if status.State == "" {
				delete(f.workers, status.Connector)
			}
		}
	case offsetsKind:
		f.takeOffset(record, asked)
	case noKind, foreignKind:
	}
}

func (f *content) takeConfig(key string, value []byte, asked map[string]connect.Listed) {
	f.session = f.session || key == sessionKey
	if name, ok := strings.CutPrefix(key, targetStatePrefix); ok {
		f.targets[name] = parseTargetState(value)
	}
	name, ok := strings.CutPrefix(key, connectorConfigPrefix)
	if !ok {
		return
	}
	delete(f.connectors, name)
	delete(f.configs, name)
	if value == nil {
		return
	}
	f.connectors[name] = true
	if _, wanted := asked[name]; !wanted {
		return
	}
	record, err := rawjson.ParseObject(value)
	if err != nil {
		return // another config than the one that the worker tells
	}
	member, _ := record.Get("properties")
	if properties, err := member.Object(); err == nil {
		f.configs[name] = properties
	}
}

func (f *content) takeOffset(record *kgo.Record, asked map[string]connect.Listed) {
	elements, _, _ := keyElements(record.Key)
	var name string
	if json.Unmarshal(elements[0], &name) != nil {
		return
	}
	if _, wanted := asked[name]; !wanted {
		return
	}
	partition, err := rawjson.Parse(elements[1])
	if err != nil {
		return
	}
	if f.offsets[name] == nil {
		f.offsets[name] = map[rawjson.Value]rawjson.Value{}
	}
	delete(f.offsets[name], partition)
	if value, err := offsetOf(record.Value); err == nil && !value.IsNull() {
		f.offsets[name][partition] = value
	}
}
