package discover

import (
	"context"
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// content is what a topic holds, as far as it helps to recognise it.
type content struct {
	topic      string
	partitions int
	kind       internaltopic.Kind

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

// read reads a topic as far as it is one of Connect's. The configs may hold
// passwords, so they are kept only for the connectors that are asked for, and
// nothing is kept longer than it takes to compare it.
func read(ctx context.Context, client *kafka.Client, topic string, partitions int, asked map[string]connect.Listed) (*content, error) {
	found := newContent(topic, partitions)
	err := client.Glance(ctx, topic, func(record *kgo.Record) bool { return found.visit(record, asked) })
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
	kind := internaltopic.KindOf(record.Key)
	if f.kind == internaltopic.NoKind {
		f.kind = kind
	}
	if kind != f.kind {
		f.kind = internaltopic.ForeignKind // in Connect's own topics there is only one kind
	}
	if f.kind == internaltopic.ForeignKind {
		return false
	}
	f.take(record, asked)
	return true
}

func (f *content) take(record *kgo.Record, asked map[string]connect.Listed) {
	switch f.kind {
	case internaltopic.ConfigKind:
		f.takeConfig(record.Key, record.Value, asked)
	case internaltopic.StatusKind:
		if status, ok := internaltopic.ParseStatus(record.Key, record.Value); ok && status.Task == internaltopic.OfConnector {
			f.workers[status.Connector] = status.WorkerID
			f.ended[status.Connector] = status.State == connect.Unassigned
			if status.State == "" {
				delete(f.workers, status.Connector)
			}
		}
	case internaltopic.OffsetsKind:
		f.takeOffset(record, asked)
	case internaltopic.NoKind, internaltopic.ForeignKind:
	}
}

func (f *content) takeConfig(key, value []byte, asked map[string]connect.Listed) {
	f.session = f.session || string(key) == internaltopic.SessionKey
	if name, ok := internaltopic.TargetStateOf(key); ok {
		f.targets[name] = internaltopic.ParseTargetState(value)
	}
	name, ok := internaltopic.ConfigOf(key)
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
	elements, _, _ := internaltopic.KeyElements(record.Key)
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
	if value, err := internaltopic.OffsetOf(record.Value); err == nil && !value.IsNull() {
		f.offsets[name][partition] = value
	}
}
