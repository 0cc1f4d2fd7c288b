package move

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// partition is one of a topic.
type partition struct {
	topic  string
	number int32
}

func (p partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.number) }

func (p partition) compare(other partition) int {
	return cmp.Or(cmp.Compare(p.topic, other.topic), cmp.Compare(p.number, other.number))
}

// positions are the offsets of a sink, each of the record it is given next.
type positions map[partition]int64

// positionsOf reads what Connect's REST API says of a sink's offsets (SinkUtils).
func positionsOf(document offset.Document) (positions, error) {
	all := positions{}
	for _, entry := range document.Entries() {
		where, errWhere := entry.Partition.Object()
		at, errAt := entry.Offset.Object()
		number, hasNumber := where.Int("kafka_partition")
		next, hasNext := at.Int("kafka_offset")
		topic := where.Text("kafka_topic")
		if errWhere != nil || errAt != nil || !hasNumber || !hasNext || topic == "" || number < 0 || number > math.MaxInt32 || next < 0 {
			return nil, fmt.Errorf("%s: %s is no offset of a sink", entry.Partition, entry.Offset)
		}
		all[partition{topic, int32(number)}] = next // #nosec G115 -- within its range
	}
	return all, nil
}

// document is [positionsOf] the other way.
func (p positions) document() (offset.Document, error) {
	var entries []offset.Entry
	for _, where := range p.sorted() {
		entries = append(entries, offset.Entry{
			Partition: rawjson.Object{}.With("kafka_topic", rawjson.String(where.topic)).With("kafka_partition", rawjson.Int(int64(where.number))).Value(),
			Offset:    rawjson.Object{}.With("kafka_offset", rawjson.Int(p[where])).Value(),
		})
	}
	return offset.New(entries...)
}

func (p positions) sorted() []partition { return slices.SortedFunc(maps.Keys(p), partition.compare) }

func (p positions) topics() []string {
	var topics []string
	for where := range p {
		topics = append(topics, where.topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// ahead returns the partitions in which others are further than these, or which
// these lack.
func (p positions) ahead(others positions) (further []partition) {
	for _, where := range others.sorted() {
		if at, known := p[where]; !known || others[where] > at {
			further = append(further, where)
		}
	}
	return further
}
