package connecttest

import (
	"slices"
	"strings"
	"time"
)

// sinkTask copies numbers to its destination (WorkerSinkTask with a
// NumberedSinkTask). It consumes as a member of its group, whose partitions are
// shared by all members, of whatever cluster.
type sinkTask struct {
	*task
	positions map[topicPartition]int64
}

func newSinkTask(t *task) *sinkTask {
	return &sinkTask{task: t, positions: map[topicPartition]int64{}}
}

// sinkGroup is SinkUtils.consumerGroupId with the connector's override.
func sinkGroup(connector string, override string) string {
	if override != "" {
		return override
	}
	return "connect-" + connector
}

func (s *sinkTask) group() *group {
	return s.cluster.kafka.group(sinkGroup(s.connector, s.config.Text("consumer.override.group.id")))
}

func (s *sinkTask) start() {
	s.group().revokeAll()
	s.group().members = append(s.group().members, s)
}

// revokeAll is what a group's rebalance begins with: every member commits and
// gives up its partitions.
func (g *group) revokeAll() {
	for _, member := range g.members {
		member.commit()
		clear(member.positions)
	}
}

func (s *sinkTask) between() {}

func (s *sinkTask) pollTime() time.Duration {
	return time.Duration(setting(s.config, "poll.block.ms", 10)) * time.Millisecond
}

// polled delivers what the poll returned. put() of a cancelled task is not
// called any more.
func (s *sinkTask) polled() bool {
	if s.cancelled {
		return false
	}
	for _, partition := range s.assigned() {
		position, ok := s.positions[partition]
		if !ok {
			position = s.group().offsets[partition]
		}
		records := s.cluster.kafka.topics[partition.topic][partition.partition]
		until := min(position+setting(s.config, "batch.size", 1), int64(len(records)))
		for ; position < until; position++ {
			record := records[position]
			record.Cluster, record.At = s.cluster.name, time.Now()
			s.cluster.kafka.append(s.config.Text("destination"), record)
			s.cluster.useTopic(s.connector, partition.topic)
		}
		s.positions[partition] = position
	}
	return true
}

// assigned is the member's share of the partitions of its topics.
func (s *sinkTask) assigned() []topicPartition {
	var all []topicPartition
	for topic := range strings.SplitSeq(s.config.Text("topics"), ",") {
		topic = strings.TrimSpace(topic)
		for partition := range s.cluster.kafka.topics[topic] {
			all = append(all, topicPartition{topic, partition})
		}
	}
	slices.SortFunc(all, topicPartition.compare)
	members := s.group().members
	place := slices.Index(members, s)
	var share []topicPartition
	for i, partition := range all {
		if place >= 0 && i%len(members) == place {
			share = append(share, partition)
		}
	}
	return share
}

func (s *sinkTask) commit() {
	if s.cancelled {
		return
	}
	for partition, position := range s.positions {
		s.group().offsets[partition] = position
	}
}

func (s *sinkTask) flush() { s.commit() }

// lastCommit is skipped when the task was cancelled (WorkerSinkTask.closePartitions).
func (s *sinkTask) lastCommit() { s.commit() }

func (s *sinkTask) close() {
	members := s.group().members
	i := slices.Index(members, s)
	if i < 0 {
		return
	}
	s.group().members = slices.Delete(slices.Clone(members), i, i+1)
	s.group().revokeAll()
}
