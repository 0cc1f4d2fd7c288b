package connecttest

import (
	"slices"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// sourceTask sends one numbered stream: WorkerSourceTask with the lab's
// NumberedTask in it.
type sourceTask struct {
	*task
	topic     string
	stream    string
	partition rawjson.Value // the source partition, spelled as the task spells it

	rate, batch, most, first, failAfter int64
	block, ack                          time.Duration

	next    int64 // to be sent
	done    int64 // sent in this run
	started time.Time
	idle    bool       // nothing was due when the poll began
	sent    []inFlight // not yet known to be acknowledged, oldest first
	// committable is the last number that may be committed, or nothing. It only
	// moves between polls, so a paused task's last batch stays uncommitted.
	committable int64
	committed   int64 // last number that was

	store       offsetStore
	transaction *transaction // nil: not exactly-once
}

type inFlight struct {
	last  int64
	ackAt time.Time
}

const nothing = -1

const (
	defaultRate  = 50
	defaultBatch = 500
	defaultAckMS = 2
	maxIdle      = 100 * time.Millisecond
)

func newSourceTask(t *task) *sourceTask {
	prefix := t.config.Text("stream.prefix")
	if prefix == "" {
		prefix = t.config.Text("topic")
	}
	number := func(key string, otherwise int64) int64 { return setting(t.config, key, otherwise) }
	s := &sourceTask{
		task: t, topic: t.config.Text("topic"), stream: prefix + "-" + strconv.Itoa(t.id), committable: nothing, committed: nothing,
		rate: number("rate", defaultRate), batch: number("batch.size", defaultBatch), most: number("max.records", -1),
		first: number("start.sequence", 0), failAfter: number("fail.after", -1),
		block: time.Duration(number("poll.block.ms", 0)) * time.Millisecond,
		ack:   time.Duration(number("ack.ms", defaultAckMS)) * time.Millisecond,
	}
	id := strconv.Itoa(t.id)
	if own := t.config.Text("task.stream"); own != "" {
		s.stream, prefix, id = own, own, "listed"
	}
	s.partition = rawjson.Object{}.With("stream", rawjson.String(s.stream)).Value()
	if t.config.Text("key.order") == "linked" {
		// A LinkedHashMap, in the order that a HashMap does not have.
		s.partition = rawjson.Object{}.With("database", rawjson.String(prefix)).With("server", rawjson.String(id)).Value()
	}
	s.store = t.cluster.store(t.config)
	return s
}

// SourcePartition returns the partition under which task number task of a
// connector with [SourceConfig] keeps its offset.
func SourcePartition(topic string, task int) rawjson.Value {
	return rawjson.Object{}.With("stream", rawjson.String(topic+"-"+strconv.Itoa(task))).Value()
}

// SourceOffset returns the offset a source keeps after it sent that number.
func SourceOffset(last int64) rawjson.Value {
	return rawjson.Object{}.With("sequence", rawjson.Int(last)).Value()
}

func (s *sourceTask) start() {
	s.next, s.started = s.first, time.Now()
	if s.cluster.exactlyOnce {
		s.transaction = s.cluster.beginTransactions(s)
	}
	stored, found := s.store.get(s.connector, s.partition)
	if !found {
		return
	}
	if object, err := stored.Object(); err == nil {
		value, _ := object.Get("sequence")
		if last, whole := value.Int(); whole {
			s.next = last + 1
		}
	}
}

func (s *sourceTask) between() {
	for len(s.sent) > 0 && !s.sent[0].ackAt.After(time.Now()) {
		s.committable = s.sent[0].last
		s.sent = s.sent[1:]
	}
}

// due is how many records this run may have sent by then, less those it sent.
func (s *sourceTask) due(then time.Time) int64 {
	due := s.batch
	if s.rate > 0 {
		due = then.Sub(s.started).Nanoseconds()/(time.Second.Nanoseconds()/s.rate) + 1 - s.done
	}
	if s.most >= 0 {
		due = min(due, s.first+s.most-s.next)
	}
	if s.failAfter >= 0 {
		due = min(due, s.failAfter-s.done)
	}
	return due
}

// pollTime is the blocking part, and the idle part if nothing is due after it.
func (s *sourceTask) pollTime() time.Duration {
	s.idle = s.due(time.Now().Add(s.block)) <= 0
	if !s.idle {
		return s.block
	}
	pause := maxIdle
	if s.rate > 0 {
		pause = max(time.Millisecond, min(maxIdle, time.Second/time.Duration(s.rate)))
	}
	return s.block + pause
}

func (s *sourceTask) polled() bool {
	if s.failAfter >= 0 && s.done >= s.failAfter {
		s.failure = "org.apache.kafka.connect.errors.ConnectException: told to fail by fail.after"
		return true
	}
	if s.idle {
		return true
	}
	if s.cancelled {
		// The producer was closed with the cancellation: sending throws.
		return false
	}
	count := min(s.due(time.Now()), s.batch)
	records := make([]Record, count)
	for i := range records {
		records[i] = Record{Stream: s.stream, Partition: s.id, Number: s.next, Cluster: s.cluster.name, At: time.Now()}
		s.next++
	}
	s.done += count
	s.cluster.useTopic(s.connector, s.topic)
	if s.transaction != nil {
		s.transaction.send(records)
		return true
	}
	for _, record := range records {
		s.cluster.kafka.append(s.topic, record)
	}
	s.sent = append(s.sent, inFlight{last: s.next - 1, ackAt: time.Now().Add(s.ack)})
	return true
}

// wholeFlush is how a task commits before Kafka 3.0: all that was sent, once all
// of it is acknowledged, or nothing (WorkerSourceTask.commitOffsets). Since then
// it commits what was acknowledged when it last looked, between two polls
// (KAFKA-12226).
func (s *sourceTask) wholeFlush() bool { return !s.cluster.version.since(3, 0) }

// commit writes what may be committed now.
func (s *sourceTask) commit() {
	if s.wholeFlush() {
		s.between()
		if len(s.sent) > 0 {
			return
		}
	}
	if s.committable != nothing && s.transaction == nil {
		s.store.put(s.connector, s.partition, SourceOffset(s.committable))
		s.committed = max(s.committed, s.committable)
		s.committable = nothing
	}
}

// flush is the periodic commit, which before Kafka 3.0 waits for what had been
// sent when it began, also of a paused task.
func (s *sourceTask) flush() {
	if !s.wholeFlush() || len(s.sent) == 0 {
		s.commit()
		return
	}
	last := s.sent[len(s.sent)-1]
	wait := time.Until(last.ackAt)
	s.pass(min(wait, s.cluster.flushTimeout))
	if wait > s.cluster.flushTimeout || s.gone() || s.cancelled || last.last <= s.committed {
		return
	}
	s.store.put(s.connector, s.partition, SourceOffset(last.last))
	s.committed = last.last
}

// pass lets d pass, or less if the worker is no more.
func (s *sourceTask) pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !s.gone() && !s.await(timer.C) {
	}
}

// lastCommit waits for what is in flight, for at most the flush timeout, and
// commits it. A cancelled task comes here too if its last poll returned nothing.
func (s *sourceTask) lastCommit() {
	if s.transaction != nil {
		s.transaction.last()
		return
	}
	if len(s.sent) > 0 {
		s.pass(min(time.Until(s.sent[len(s.sent)-1].ackAt), s.cluster.flushTimeout))
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
	if _, exists := c.state.configs[connector]; !exists || !c.topicTracking || slices.Contains(c.state.topics[connector], topic) {
		return
	}
	topics := append(slices.Clone(c.state.topics[connector]), topic)
	c.publish(func(v *view) { v.topics[connector] = topics })
}
