package connecttest

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// The classes that workers can load.
const (
	// NumberedSource writes numbers to a topic. Its partitions have one field.
	NumberedSource = "io.connectferry.test.NumberedSource"
	// OrderedMapSource is a NumberedSource whose partitions have two fields in an
	// order that Connect's REST API does not keep, so that their offsets are read
	// as null and what is written over REST is never found by its tasks.
	OrderedMapSource = "io.connectferry.test.OrderedMapSource"
	// NumberedSink copies a topic of numbers to another, as its destination.
	NumberedSink = "io.connectferry.test.NumberedSink"
)

// Plugin is a connector class.
type Plugin struct {
	connect.Plugin
	// AltersOffsets is what the class answers when its offsets are altered: true
	// if it took note, false as Connect's own default does.
	AltersOffsets bool
	// RefusesOffsets makes alterOffsets throw with this message.
	RefusesOffsets string
}

// DefaultPlugins returns the three classes, at version 1.0.
func DefaultPlugins() []Plugin {
	return []Plugin{
		{Plugin: connect.Plugin{Class: NumberedSource, Type: "source", Version: "1.0"}},
		{Plugin: connect.Plugin{Class: OrderedMapSource, Type: "source", Version: "1.0"}},
		{Plugin: connect.Plugin{Class: NumberedSink, Type: "sink", Version: "1.0"}},
	}
}

// SourceConfig returns the config of a [NumberedSource] with one task per
// partition. Settings it takes, all times in ms:
//
//	topic       where it writes
//	partitions  how many it has, default 1; tasks.max tasks share them
//	poll.ms     how long a poll takes, during which nothing can interrupt it; default 10
//	batch       records per partition and poll, default 1
//	limit       records per partition after which polls return nothing
//	ack.ms      how long Kafka takes to acknowledge, default 2
func SourceConfig(topic string, partitions int) rawjson.Object {
	count := strconv.Itoa(partitions)
	return config(map[string]string{"connector.class": NumberedSource, "topic": topic, "partitions": count, "tasks.max": count})
}

// OrderedMapConfig returns the config of an [OrderedMapSource], which takes the
// settings of [SourceConfig].
func OrderedMapConfig(topic string, partitions int) rawjson.Object {
	return SourceConfig(topic, partitions).With("connector.class", rawjson.String(OrderedMapSource))
}

// SinkConfig returns the config of a [NumberedSink] with one task. It takes
// topics (one or more, by commas), destination, and poll.ms and batch as
// [SourceConfig] has them.
func SinkConfig(topic, destination string) rawjson.Object {
	return config(map[string]string{"connector.class": NumberedSink, "topics": topic, "destination": destination, "tasks.max": "1"})
}

func config(settings map[string]string) rawjson.Object {
	var object rawjson.Object
	for _, key := range sortedKeys(settings) {
		object = object.With(key, rawjson.String(settings[key]))
	}
	return object
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// plugin finds a class by its full or simple name, or by the simple name
// without Connector.
func (c *Cluster) plugin(class string) (Plugin, bool) {
	i := slices.IndexFunc(c.plugins, func(plugin Plugin) bool {
		simple := plugin.Class[strings.LastIndexByte(plugin.Class, '.')+1:]
		return class == plugin.Class || class == simple || class == strings.TrimSuffix(simple, "Connector")
	})
	if i < 0 {
		return Plugin{}, false
	}
	return c.plugins[i], true
}

// taskConfigs is Connector.taskConfigs: the connector's config once per task,
// and which of how many it is.
func (p Plugin) taskConfigs(config rawjson.Object) []rawjson.Object {
	count := setting(config, "tasks.max", 1)
	if p.Type == "source" {
		count = min(count, setting(config, "partitions", 1))
	}
	tasks := make([]rawjson.Object, count)
	for i := range tasks {
		tasks[i] = config.With("task.class", rawjson.String(p.Class+"Task")).
			With("task.number", rawjson.String(strconv.Itoa(i))).
			With("task.count", rawjson.String(strconv.FormatInt(count, 10)))
	}
	return tasks
}

// validate returns what is wrong with each setting that something is wrong with.
func (p Plugin) validate(config rawjson.Object) []connect.ConfigProblem {
	var problems []connect.ConfigProblem
	needed := []string{"topic"}
	if p.Type == "sink" {
		needed = []string{"destination"}
	}
	for _, key := range needed {
		if _, ok := config.Get(key); !ok {
			problems = append(problems, connect.ConfigProblem{Name: key,
				Errors: []string{`Missing required configuration "` + key + `" which has no default value.`}})
		}
	}
	for _, key := range []string{"tasks.max", "partitions", "poll.ms", "batch", "limit", "ack.ms"} {
		value, ok := config.Get(key)
		if !ok {
			continue
		}
		text, _ := value.Text()
		number, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			problems = append(problems, connect.ConfigProblem{Name: key,
				Errors: []string{"Invalid value " + text + " for configuration " + key + ": Not a number of type INT"}})
		case number < 1:
			problems = append(problems, connect.ConfigProblem{Name: key,
				Errors: []string{"Invalid value " + text + " for configuration " + key + ": Value must be at least 1"}})
		}
	}
	return problems
}
