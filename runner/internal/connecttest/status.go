package connecttest

import (
	"context"
	"errors"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// StatusLog is a cluster's status topic, read as [kafka.StatusLog] reads a real
// one. Nothing is compacted away.
type StatusLog struct{ cluster *Cluster }

// StatusLog returns the cluster's status topic.
func (c *Cluster) StatusLog() *StatusLog { return &StatusLog{cluster: c} }

type statusTail struct {
	cluster *Cluster
	next    int
	closed  chan struct{}
}

// Tail opens a reader at the end of the topic.
func (l *StatusLog) Tail(context.Context) (kafka.Tail, error) {
	l.cluster.kafka.mu.Lock()
	defer l.cluster.kafka.mu.Unlock()
	return &statusTail{cluster: l.cluster, next: len(l.cluster.statusLog), closed: make(chan struct{})}, nil
}

var errTailClosed = errors.New("reader is closed")

func (t *statusTail) Next(ctx context.Context) ([]internaltopic.Status, error) {
	for {
		t.cluster.kafka.mu.Lock()
		records := append([]internaltopic.Status{}, t.cluster.statusLog[t.next:]...)
		written := t.cluster.statusWritten
		t.cluster.kafka.mu.Unlock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(records) > 0 {
			t.next += len(records)
			return records, nil
		}
		select {
		case <-written:
		case <-t.closed:
			return nil, errTailClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (t *statusTail) Close() { close(t.closed) }

// History returns all records about a connector, oldest first.
func (l *StatusLog) History(ctx context.Context, connector string) ([]internaltopic.Status, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l.cluster.kafka.mu.Lock()
	defer l.cluster.kafka.mu.Unlock()
	var history []internaltopic.Status
	for _, record := range l.cluster.statusLog[l.cluster.forgotten[connector]:] {
		if record.Connector == connector {
			history = append(history, record)
		}
	}
	return history, nil
}

// writeStatus appends a record to the status topic; an empty state is a
// tombstone. Workers see it after their lag.
func (c *Cluster) writeStatus(connector string, task int, state connect.State, worker *worker, trace string) {
	record := internaltopic.Status{Connector: connector, Task: task, State: state, At: time.Now()}
	if state != "" {
		record.WorkerID, record.Generation = worker.id, c.generation
	}
	c.statusLog = append(c.statusLog, record)
	close(c.statusWritten)
	c.statusWritten = make(chan struct{})
	c.publish(func(v *view) { v.takeStatus(record, trace) })
}

// shownStatus is the status of a connector or a task as a worker has read it.
type shownStatus struct {
	state      connect.State
	worker     string
	generation int
	trace      string
}

func (v *view) takeStatus(record internaltopic.Status, trace string) {
	tasks := v.statuses[record.Connector]
	if tasks == nil {
		tasks = map[int]shownStatus{}
		v.statuses[record.Connector] = tasks
	}
	if record.State == "" {
		delete(tasks, record.Task)
		return
	}
	// A reader takes an UNASSIGNED for late news if it knows of a RUNNING task of
	// the same or a later generation (KafkaStatusBackingStore.readTaskStatus).
	known := tasks[record.Task]
	if record.Task != internaltopic.OfConnector && record.State == connect.Unassigned &&
		known.state == connect.Running && known.generation >= record.Generation {
		return
	}
	tasks[record.Task] = shownStatus{state: record.State, worker: record.WorkerID, generation: record.Generation, trace: trace}
}
