package connecttest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// Kafka is a Kafka cluster in memory. Connect clusters that are to share one are
// given the same value.
type Kafka struct {
	id string

	// mu guards this value and all Connect clusters on it. It is never held
	// while waiting.
	mu      sync.Mutex
	topics  map[string]map[int][]Record
	offsets map[string]*offsetsTopic
	groups  map[string]*group
	runs    []*Run
	epochs  map[string]int  // transactional id to its producer's epoch
	hanging map[string]bool // topics in which a transaction hangs
	// What MirrorMaker has noted, by the alias in the name of its topic.
	syncs       map[string][]kafka.OffsetSync
	checkpoints map[string][]kafka.Checkpoint

	intercept AccessInterceptor
}

// NewKafka returns an empty Kafka cluster.
func NewKafka() *Kafka {
	return &Kafka{
		id:      "fake-kafka-" + nextID(),
		topics:  map[string]map[int][]Record{},
		offsets: map[string]*offsetsTopic{},
		groups:  map[string]*group{},
		epochs:  map[string]int{},
		hanging: map[string]bool{},

		syncs:       map[string][]kafka.OffsetSync{},
		checkpoints: map[string][]kafka.Checkpoint{},
	}
}

// ID is the cluster id that Connect reports as kafka_cluster_id.
func (k *Kafka) ID() string { return k.id }

// Record is one numbered record. A source that neither loses nor repeats writes
// the numbers of each stream as 0, 1, 2 and so on.
type Record struct {
	Stream    string
	Partition int
	Number    int64
	Cluster   string // Connect cluster that wrote it
	At        time.Time

	transformed bool // by a MirrorMaker on its way
}

func (k *Kafka) append(topic string, record Record) {
	if k.topics[topic] == nil {
		k.topics[topic] = map[int][]Record{}
	}
	k.topics[topic][record.Partition] = append(k.topics[topic][record.Partition], record)
}

// Produce appends records numbered from 0 up to count to each of a topic's
// partitions, as input for a sink.
func (k *Kafka) Produce(topic string, partitions int, count int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for partition := range partitions {
		for number := range count {
			k.append(topic, Record{Stream: topic + "-" + strconv.Itoa(partition), Partition: partition, Number: number, At: time.Now()})
		}
	}
}

// Records returns the records of a topic, partition by partition in order.
func (k *Kafka) Records(topic string) []Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	var records []Record
	for _, partition := range slices.Sorted(maps.Keys(k.topics[topic])) {
		records = append(records, k.topics[topic][partition]...)
	}
	return records
}

// Count is what a topic of numbered records holds.
type Count struct {
	Records    int
	Duplicated int   // records whose number was there before
	Missing    int64 // numbers from 0 to the highest of each stream that are not there
}

// Count counts a topic's records.
func (k *Kafka) Count(topic string) Count { return Tally(k.Records(topic)) }

// Tally counts records, which may come from several Kafka clusters.
func Tally(records []Record) Count {
	count := Count{Records: len(records)}
	seen := map[string]map[int64]bool{}
	highest := map[string]int64{}
	for _, record := range records {
		numbers := seen[record.Stream]
		if numbers == nil {
			numbers = map[int64]bool{}
			seen[record.Stream] = numbers
		}
		if numbers[record.Number] {
			count.Duplicated++
		}
		numbers[record.Number] = true
		highest[record.Stream] = max(highest[record.Stream], record.Number)
	}
	for stream, numbers := range seen {
		count.Missing += highest[stream] + 1 - int64(len(numbers))
	}
	return count
}

// Run is a time during which a task of a connector could produce records: from
// its start to its end, or to when its worker cancelled it or died.
type Run struct {
	Cluster   string
	Connector string
	Task      int
	From      time.Time
	To        time.Time // zero while it lasts
	Cancelled bool      // it was still in its poll at To
}

// Runs returns the runs of the named connectors, or of all, oldest first.
func (k *Kafka) Runs(connectors ...string) []Run {
	k.mu.Lock()
	defer k.mu.Unlock()
	var runs []Run
	for _, run := range k.runs {
		if len(connectors) == 0 || slices.Contains(connectors, run.Connector) {
			runs = append(runs, *run)
		}
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.From.Compare(b.From) })
	return runs
}

// Overlap is a time in which two Connect clusters ran tasks at once.
type Overlap struct{ A, B Run }

// Overlaps returns where tasks of the named connectors ran on two Connect
// clusters at once. The names are those of a connector and of its copies.
func (k *Kafka) Overlaps(connectors ...string) []Overlap {
	runs := k.Runs(connectors...)
	var overlaps []Overlap
	for i, a := range runs {
		for _, b := range runs[i+1:] {
			if a.Cluster != b.Cluster && (a.To.IsZero() || a.To.After(b.From)) {
				overlaps = append(overlaps, Overlap{A: a, B: b})
			}
		}
	}
	return overlaps
}

func (k *Kafka) beginRun(t *task) *Run {
	run := &Run{Cluster: t.cluster.name, Connector: t.connector, Task: t.id, From: time.Now()}
	k.runs = append(k.runs, run)
	return run
}

func (r *Run) end() {
	if r.To.IsZero() {
		r.To = time.Now()
	}
}

type topicPartition struct {
	topic     string
	partition int
}

func (a topicPartition) compare(b topicPartition) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
}
