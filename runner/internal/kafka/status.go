package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

// StatusLog is a cluster's status topic (status.storage.topic).
//
// A task that ends writes UNASSIGNED on its own thread, after its last offset
// commit and after it closed its producer; a task that was cancelled because it
// did not end in time writes nothing (WorkerTask.doRun and cancel). That record,
// newer than the request to stop, is the hard proof that a task is over. REST
// cannot give it: readers of the topic ignore UNASSIGNED under some conditions
// (KafkaStatusBackingStore.canWriteSafely) and the leader removes the entry.
type StatusLog struct {
	client *Client
	topic  string
}

// StatusLog returns the status topic of the given name.
func (c *Client) StatusLog(topic string) *StatusLog { return &StatusLog{client: c, topic: topic} }

// Tail reads the records of a status topic that are written after it was opened.
type Tail interface {
	// Next waits for at least one record and returns what there is, each
	// partition in order.
	Next(ctx context.Context) ([]internaltopic.Status, error)
	Close()
}

type tail struct {
	reader *kgo.Client
	topic  string
}

// Tail opens a reader at the end of the topic as it is now.
func (l *StatusLog) Tail(ctx context.Context) (Tail, error) {
	ends, err := l.client.listed(ctx, l.topic, "end", l.client.admin.ListEndOffsets)
	if err != nil {
		return nil, err
	}
	reader, err := l.client.consume(l.topic, ends)
	if err != nil {
		return nil, err
	}
	return &tail{reader: reader, topic: l.topic}, nil
}

func (t *tail) Next(ctx context.Context) ([]internaltopic.Status, error) {
	for {
		records, err := poll(ctx, t.reader, t.topic)
		if err != nil {
			return nil, err
		}
		if found := statusRecords(records); len(found) > 0 {
			return found, nil
		}
	}
}

func (t *tail) Close() { t.reader.Close() }

// History returns every record the topic still holds about a connector, oldest
// first within each task, up to the end of the topic as it is now. The topic is
// compacted, so early records may be gone; a record that is there is true.
func (l *StatusLog) History(ctx context.Context, connector string) ([]internaltopic.Status, error) {
	var history []internaltopic.Status
	err := l.client.scan(ctx, l.topic, func(record *kgo.Record) {
		if status, ok := statusRecord(record); ok && status.Connector == connector {
			history = append(history, status)
		}
	})
	if err != nil {
		return nil, err
	}
	return history, nil
}

func statusRecords(records []*kgo.Record) []internaltopic.Status {
	var found []internaltopic.Status
	for _, record := range records {
		if status, ok := statusRecord(record); ok {
			found = append(found, status)
		}
	}
	return found
}

func statusRecord(record *kgo.Record) (internaltopic.Status, bool) {
	status, ok := internaltopic.ParseStatus(record.Key, record.Value)
	status.At = record.Timestamp
	return status, ok
}
