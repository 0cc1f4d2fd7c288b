package family

import (
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// List is a setting that lists what a connector reads, each with partitions of its own. Where
// there is one, several connectors can become one, and one several: the partitions follow what
// the setting lists.
type List struct {
	Setting string   `yaml:"setting"`
	Field   string   `yaml:"field"` // of a partition, names what it is of
	Form    ListForm `yaml:"form"`
	// Except are settings with patterns of what is left out all the same.
	Except []string `yaml:"except"`
	// Assigned is the setting of a task that lists what it reads: its tables, or its partitions
	// as name-number. "" if there is none.
	Assigned string `yaml:"assigned"`
}

// ListForm is what the items of a [List] are.
type ListForm string

// The forms. A table may be listed without its catalog and schema, which the partition has, and
// in quotes, which it has not.
const (
	Names    ListForm = "names"
	Patterns ListForm = "patterns" // regular expressions for the whole name
	Tables   ListForm = "tables"
)

// sinkLists are the lists of every sink (SinkConnectorConfig).
var sinkLists = []List{
	{Setting: "topics", Field: "kafka_topic", Form: Names},
	{Setting: "topics.regex", Field: "kafka_topic", Form: Patterns},
}

// ListOf returns the list of a connector; false if it has none that is known.
func ListOf(config rawjson.Object, sink bool) (List, bool) {
	lists := For(config).Lists
	if sink {
		lists = sinkLists
	}
	i := slices.IndexFunc(lists, func(list List) bool { return config.Text(list.Setting) != "" })
	if i < 0 {
		return List{}, false
	}
	return lists[i], true
}
