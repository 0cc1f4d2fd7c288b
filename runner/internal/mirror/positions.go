package mirror

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Partition is a partition of a topic.
type Partition struct {
	topic  string
	number int32
}

func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.number) }

func (p Partition) compare(other Partition) int {
	return cmp.Or(cmp.Compare(p.topic, other.topic), cmp.Compare(p.number, other.number))
}

// Positions are the offsets of a sink: for each partition, that of the next record.
type Positions map[Partition]int64

// PositionsOf parses a sink's offsets as Connect's REST API returns them (SinkUtils).
func PositionsOf(document offset.Document) (Positions, error) {
	all := Positions{}
	for _, entry := range document.Entries() {
		where, errWhere := entry.Partition.Object()
		at, errAt := entry.Offset.Object()
		number, hasNumber := where.Int("kafka_partition")
		next, hasNext := at.Int("kafka_offset")
		topic := where.Text("kafka_topic")
		if errWhere != nil || errAt != nil || !hasNumber || !hasNext || topic == "" || number < 0 || number > math.MaxInt32 || next < 0 {
			return nil, fmt.Errorf("%s: %s is no offset of a sink", entry.Partition, entry.Offset)
		}
		all[Partition{topic, int32(number)}] = next // #nosec G115 -- within its range
	}
	return all, nil
}

// document is the inverse of [PositionsOf].
func (p Positions) document() (offset.Document, error) {
	var entries []offset.Entry
	for _, where := range p.sorted() {
		entries = append(entries, offset.Entry{
			Partition: rawjson.Object{}.With("kafka_topic", rawjson.String(where.topic)).With("kafka_partition", rawjson.Int(int64(where.number))).Value(),
			Offset:    rawjson.Object{}.With("kafka_offset", rawjson.Int(p[where])).Value(),
		})
	}
	return offset.New(entries...)
}

func (p Positions) sorted() []Partition { return slices.SortedFunc(maps.Keys(p), Partition.compare) }

func (p Positions) Topics() []string {
	var topics []string
	for where := range p {
		topics = append(topics, where.topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// Ahead returns the partitions in which others are ahead of p, or which p lacks.
func (p Positions) Ahead(others Positions) (further []Partition) {
	for _, where := range others.sorted() {
		if at, known := p[where]; !known || others[where] > at {
			further = append(further, where)
		}
	}
	return further
}

// TopicsOf returns the topics in a sink's offsets; none if they cannot be read.
func TopicsOf(document offset.Document) []string {
	positions, err := PositionsOf(document)
	if err != nil {
		return nil
	}
	return positions.Topics()
}
