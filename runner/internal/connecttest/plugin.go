package connecttest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// The classes that workers can load.
const (
	// NumberedSource is the lab's class of that name: it takes the same settings
	// and keeps the same offsets, so a config works on a lab and here. Unlike the
	// lab's it lets any offset be written.
	NumberedSource = "io.connectferry.lab.NumberedSource"
	// OtherSource is a NumberedSource under another name.
	OtherSource = "io.connectferry.lab.OtherSource"
	// NumberedSink copies a topic of numbers to another, as its destination.
	NumberedSink = "io.connectferry.lab.NumberedSink"
)

// Plugin is a connector class.
type Plugin struct {
	connect.Plugin
	// AltersOffsets makes alterOffsets return true, as of a class that looked at
	// the offsets. Connect's default is false.
	AltersOffsets bool
	// Settings are the settings that it defines, with their defaults; nil for those of
	// [SourceConfig] and [SinkConfig].
	Settings map[string]string
	// RefusesOffsets makes alterOffsets throw with this message.
	RefusesOffsets string
}

// DefaultPlugins returns the three classes.
func DefaultPlugins() []Plugin {
	return []Plugin{
		{Plugin: connect.Plugin{Class: NumberedSource, Type: "source", Version: "1.0.0"}},
		{Plugin: connect.Plugin{Class: OtherSource, Type: "source", Version: "1.0.0"}},
		{Plugin: connect.Plugin{Class: NumberedSink, Type: "sink", Version: "1.0.0"}},
	}
}

// SourceConfig returns the config of a [NumberedSource]. Each of its tasks sends
// a stream of its own, <topic>-<task>, numbered from 0. More settings, with their
// defaults:
//
//	rate           50     records per second and task, 0 for as fast as it goes
//	batch.size     500    most records of one poll
//	max.records    -1     records of each stream, after which polls return nothing
//	start.sequence 0      first number of a stream
//	poll.block.ms  0      how long a poll takes, during which nothing can interrupt it
//	key.order      plain  linked: see [OrderedMapConfig]
//	stream.prefix         instead of the topic
//	streams               names of streams, with commas: each has a task, so tasks.max must allow as many
//	fail.on.start  false  tasks fail when they start
//	fail.after     -1     tasks fail after so many records of one run
//	refuse.value          validation fails if this is set to anything
//	ack.ms         2      how long Kafka takes to acknowledge (the lab has no such setting)
func SourceConfig(topic string, tasks int) rawjson.Object {
	return Config(map[string]string{"connector.class": NumberedSource, "topic": topic, "tasks.max": strconv.Itoa(tasks)})
}

// ListedConfig returns the config of a source of these streams, each with a task.
func ListedConfig(topic string, streams ...string) rawjson.Object {
	return SourceConfig(topic, len(streams)).With("streams", rawjson.String(strings.Join(streams, ",")))
}

// OrderedMapConfig returns the config of a source whose partitions have two
// fields in an order that Connect's REST API does not keep, so that their offsets
// are read as null and what is written over REST is never found by its tasks.
func OrderedMapConfig(topic string, tasks int) rawjson.Object {
	return SourceConfig(topic, tasks).With("key.order", rawjson.String("linked"))
}

// SinkConfig returns the config of a [NumberedSink] with one task, which copies
// the records of topic to the topic named destination. It takes batch.size (most
// records of a partition and poll, default 1) and poll.block.ms (default 10).
func SinkConfig(topic, destination string) rawjson.Object {
	return Config(map[string]string{"connector.class": NumberedSink, "topics": topic, "destination": destination, "tasks.max": "1"})
}

// Config returns a config of texts.
func Config(settings map[string]string) rawjson.Object {
	var object rawjson.Object
	for _, key := range sortedKeys(settings) {
		object = object.With(key, rawjson.String(settings[key]))
	}
	return object
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// defined are the settings of the classes, with their defaults.
var defined = map[string]string{
	"topic": "", "rate": "50", "batch.size": "500", "max.records": "-1", "start.sequence": "0", "poll.block.ms": "0", "key.order": "plain", "stream.prefix": "", "streams": "",
	"fail.on.start": "false", "fail.after": "-1", "refuse.value": "", "ack.ms": "2", "topics": "", "destination": "",
}

// common are some of those that Connect defines for each class (ConnectorConfig).
var common = map[string]string{"name": "", "connector.class": "", "tasks.max": "1", "key.converter": "", "value.converter": "", "transforms": ""}

// settings returns what the class defines for a worker, with the defaults.
func (p Plugin) settings() map[string]string {
	settings := maps.Clone(common)
	own := p.Settings
	if own == nil {
		own = defined
	}
	maps.Copy(settings, own)
	return settings
}

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

// taskConfigs is Connector.taskConfigs: the connector's config once per task.
func (p Plugin) taskConfigs(config rawjson.Object) []rawjson.Object {
	var streams []string
	count := setting(config, "tasks.max", 1)
	if listed := config.Text("streams"); listed != "" {
		streams = strings.Split(listed, ",")
		count = int64(len(streams))
	}
	tasks := make([]rawjson.Object, count)
	for i := range tasks {
		if streams != nil {
			config = config.With("task.stream", rawjson.String(streams[i]))
		}
		tasks[i] = config.With("task.class", rawjson.String(p.Class+"Task")).With("task.number", rawjson.String(strconv.Itoa(i)))
	}
	return tasks
}

// lowest is the lowest value of each setting that is a number.
var lowest = map[string]int64{
	"tasks.max": 1, "rate": 0, "batch.size": 1, "max.records": -1, "start.sequence": 0, "poll.block.ms": 0, "fail.after": -1, "ack.ms": 0,
}

// validate returns what is wrong with each setting that something is wrong with.
func (p Plugin) validate(config rawjson.Object) []connect.ConfigProblem {
	var problems []connect.ConfigProblem
	refuse := func(key, message string) {
		problems = append(problems, connect.ConfigProblem{Name: key, Errors: []string{message}})
	}
	needed := "topic"
	if p.Type == "sink" {
		needed = "destination"
	}
	if _, given := config.Get(needed); !given {
		refuse(needed, `Missing required configuration "`+needed+`" which has no default value.`)
	}
	for _, key := range sortedKeys(lowest) {
		text := config.Text(key)
		if _, given := config.Get(key); !given {
			continue
		}
		number, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			refuse(key, "Invalid value "+text+" for configuration "+key+": Not a number of type INT")
		case number < lowest[key]:
			refuse(key, "Invalid value "+text+" for configuration "+key+": Value must be at least "+strconv.FormatInt(lowest[key], 10))
		}
	}
	if order := config.Text("key.order"); order != "" && order != "plain" && order != "linked" {
		refuse("key.order", "Invalid value "+order+" for configuration key.order: String must be one of: plain, linked")
	}
	if refused := config.Text("refuse.value"); refused != "" {
		refuse("refuse.value", "Invalid value "+refused+" for configuration refuse.value: this setting is always refused")
	}
	return problems
}

// BlockingConfig returns the config of a source with one task whose polls block for that
// long; once limit records were sent they return nothing. 0 is no limit.
func BlockingConfig(topic string, block time.Duration, limit int) rawjson.Object {
	config := SourceConfig(topic, 1).With("poll.block.ms", rawjson.String(strconv.FormatInt(block.Milliseconds(), 10)))
	if limit > 0 {
		config = config.With("max.records", rawjson.String(strconv.Itoa(limit)))
	}
	return config
}
