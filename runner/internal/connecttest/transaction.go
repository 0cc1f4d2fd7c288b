package connecttest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// transaction is the transactional producer of an exactly-once task
// (ExactlyOnceWorkerSourceTask): records and the offset are there together, or
// neither is.
type transaction struct {
	task     *sourceTask
	id       string
	epoch    int
	interval time.Duration // 0: a transaction for each poll
	open     []Record
	began    time.Time // of what is open
}

const errFenced = "org.apache.kafka.common.errors.ProducerFencedException: There is a newer producer with the same transactionalId which fences the current one."

// transactionalID is Worker.taskTransactionalId.
func (c *Cluster) transactionalID(connector string, task int) string {
	return c.groupID + "-" + connector + "-" + strconv.Itoa(task)
}

// beginTransactions takes the task's transactional id over, from whoever has it.
func (c *Cluster) beginTransactions(s *sourceTask) *transaction {
	id := c.transactionalID(s.connector, s.id)
	c.kafka.epochs[id]++
	t := &transaction{task: s, id: id, epoch: c.kafka.epochs[id]}
	if s.config.Text("transaction.boundary") == "interval" {
		t.interval = time.Duration(setting(s.config, "transaction.boundary.interval.ms", c.flushInterval.Milliseconds())) * time.Millisecond
	}
	return t
}

func (t *transaction) send(records []Record) {
	if len(t.open) == 0 {
		t.began = time.Now()
	}
	t.open = append(t.open, records...)
	if time.Since(t.began) >= t.interval {
		t.commit()
	}
}

// commit fails the task if somebody else has taken its id over.
func (t *transaction) commit() {
	sent := t.open
	t.open = nil
	if len(sent) == 0 {
		return
	}
	s := t.task
	if s.cluster.kafka.epochs[t.id] != t.epoch {
		s.failure = errFenced
		return
	}
	for _, record := range sent {
		s.cluster.kafka.append(s.topic, record)
	}
	s.store.put(s.connector, s.partition, SourceOffset(sent[len(sent)-1].Number))
}

// last is the commit at the task's end. The producer of a cancelled task is
// closed, that of a failed one aborts.
func (t *transaction) last() {
	if s := t.task; !s.gone() && !s.cancelled && s.failure == "" {
		t.commit()
	}
}

// fence takes over all ids of a connector's tasks and returns them in order.
func (k *Kafka) fence(group, connector string) []string {
	var fenced []string
	prefix := group + "-" + connector + "-"
	for _, id := range sortedKeys(k.epochs) {
		number, ok := strings.CutPrefix(id, prefix)
		if task, err := strconv.ParseUint(number, 10, 31); ok && err == nil && strconv.FormatUint(task, 10) == number {
			k.epochs[id]++
			fenced = append(fenced, id)
		}
	}
	return slices.Clip(fenced)
}

// Hang leaves a transaction open in the cluster's offsets topic that nothing will
// end. From then on nothing of exactly-once workers gets further than its start,
// which reads the topic to its end (KafkaOffsetBackingStore.start). [Cluster.Unhang]
// ends it.
func (c *Cluster) Hang() {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.kafka.hanging[c.offsetsTopic] = true
}

// Unhang ends what [Cluster.Hang] has left.
func (c *Cluster) Unhang() {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	delete(c.kafka.hanging, c.offsetsTopic)
	for _, task := range c.tasks {
		task.notify()
	}
}

// heldUp reports whether nothing on the cluster can start.
func (c *Cluster) heldUp() bool { return c.exactlyOnce && c.kafka.hanging[c.offsetsTopic] }

// Fencer ends a cluster's exactly-once tasks for good, as [kafka.Fencer] does.
type Fencer struct{ cluster *Cluster }

// Fencer returns the fencer of the cluster's group.id.
func (c *Cluster) Fencer() *Fencer { return &Fencer{cluster: c} }

// Fence takes over the transactional ids of a connector's tasks. What they have
// open is aborted, and one that still runs fails at its next commit. It returns
// the ids, none for a connector that never was exactly-once.
func (f *Fencer) Fence(ctx context.Context, connector string) ([]string, error) {
	var ids []string
	err := f.cluster.kafka.access(ctx, Access{"fence", connector}, func() error {
		ids = f.cluster.kafka.fence(f.cluster.groupID, connector)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fence connector %q: %w", connector, err)
	}
	return ids, nil
}
