package connecttest

import (
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// sourceTask produces numbers (WorkerSourceTask with a NumberedSourceTask).
type sourceTask struct {
	*task
	partitions []*sourcePartition
}

type sourcePartition struct {
	number int           // of the topic's partition too
	key    rawjson.Value // the source partition, spelled as this class spells it
	next   int64         // to be produced
	sent   []inFlight    // not yet known to be acknowledged, oldest first
	// committable is the last number that may be committed, -1 for none. It only
	// moves between polls, so a paused task's last batch stays uncommitted.
	committable int64
}

type inFlight struct {
	last  int64
	ackAt time.Time
}

const nothing = -1

func newSourceTask(t *task, plugin Plugin) *sourceTask {
	s := &sourceTask{task: t}
	count, number := setting(t.config, "task.count", 1), setting(t.config, "task.number", 0)
	for p := number; p < setting(t.config, "partitions", 1); p += count {
		s.partitions = append(s.partitions, &sourcePartition{number: int(p), key: plugin.sourcePartition(int(p)), committable: nothing})
	}
	return s
}

func (p Plugin) sourcePartition(number int) rawjson.Value {
	name := rawjson.String("p" + strconv.Itoa(number))
	if p.Class == OrderedMapSource {
		// A LinkedHashMap in the one order that a HashMap does not have.
		return rawjson.Object{}.With("database", rawjson.String("numbers")).With("server", name).Value()
	}
	return rawjson.Object{}.With("partition", name).Value()
}

// SourcePartition returns the partition under which a [NumberedSource] keeps the
// offset of its partition of that number.
func SourcePartition(number int) rawjson.Value { return Plugin{}.sourcePartition(number) }

// SourceOffset returns the offset a source keeps after it wrote that number.
func SourceOffset(last int64) rawjson.Value {
	return rawjson.Object{}.With("number", rawjson.Int(last)).Value()
}

func (s *sourceTask) offsets() *offsetsTopic {
	return s.cluster.kafka.offsetsTopic(s.cluster.offsetsTopic)
}

func (s *sourceTask) start() {
	for _, partition := range s.partitions {
		partition.next = 0
		stored, ok := s.offsets().get(s.connector, partition.key)
		if !ok {
			continue
		}
		object, err := stored.Object()
		if err != nil {
			continue
		}
		value, _ := object.Get("number")
		if last, ok := value.Int(); ok {
			partition.next = last + 1
		}
	}
}

func (s *sourceTask) between() {
	for _, partition := range s.partitions {
		for len(partition.sent) > 0 && !partition.sent[0].ackAt.After(time.Now()) {
			partition.committable = partition.sent[0].last
			partition.sent = partition.sent[1:]
		}
	}
}

func (s *sourceTask) pollTime() time.Duration {
	return time.Duration(setting(s.config, "poll.ms", 10)) * time.Millisecond
}

func (s *sourceTask) polled() bool {
	limit := setting(s.config, "limit", 0)
	ackAt := time.Now().Add(time.Duration(setting(s.config, "ack.ms", 2)) * time.Millisecond)
	for _, partition := range s.partitions {
		until := partition.next + setting(s.config, "batch", 1)
		if limit > 0 {
			until = min(until, max(limit, partition.next))
		}
		if until == partition.next {
			continue
		}
		if s.cancelled {
			// The producer was closed with the cancellation: sending throws.
			return false
		}
		topic := s.config.Text("topic")
		for ; partition.next < until; partition.next++ {
			s.cluster.kafka.append(topic, Record{Partition: partition.number, Number: partition.next, Cluster: s.cluster.name, At: time.Now()})
		}
		s.cluster.useTopic(s.connector, topic)
		partition.sent = append(partition.sent, inFlight{last: until - 1, ackAt: ackAt})
	}
	return true
}

func (s *sourceTask) commit() {
	for _, partition := range s.partitions {
		if partition.committable != nothing {
			s.offsets().put(s.connector, partition.key, SourceOffset(partition.committable))
			partition.committable = nothing
		}
	}
}

// lastCommit waits for what is in flight and commits it. A task that was
// cancelled comes here too if its last poll returned nothing.
func (s *sourceTask) lastCommit() {
	deadline := time.Now().Add(s.cluster.flushTimeout)
	for _, partition := range s.partitions {
		for _, batch := range partition.sent {
			if until := batch.ackAt; until.After(time.Now()) && until.Before(deadline) {
				timer := time.NewTimer(time.Until(until))
				for !s.gone() && !s.await(timer.C) {
				}
				timer.Stop()
			}
		}
	}
	if s.gone() {
		return
	}
	s.between()
	s.commit()
}

func (s *sourceTask) close() {}

// useTopic notes a topic among a connector's active ones (KIP-558).
func (c *Cluster) useTopic(connector, topic string) {
	if _, ok := c.state.configs[connector]; !ok || !c.topicTracking {
		return
	}
	for _, known := range c.state.topics[connector] {
		if known == topic {
			return
		}
	}
	topics := append(append([]string{}, c.state.topics[connector]...), topic)
	c.publish(func(v *view) { v.topics[connector] = topics })
}
