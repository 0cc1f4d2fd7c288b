package kafka

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// OfConnector is [StatusRecord.Task] of a record that speaks of the connector
// itself.
const OfConnector = -1

// StatusRecord is one record of a status topic about a connector or a task.
type StatusRecord struct {
	Connector  string
	Task       int           // OfConnector for the connector itself
	State      connect.State // "" for a tombstone, which says nothing about how a task ended
	WorkerID   string
	Generation int
	At         time.Time // the record's timestamp, by the worker's clock
}

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
	Next(ctx context.Context) ([]StatusRecord, error)
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

func (t *tail) Next(ctx context.Context) ([]StatusRecord, error) {
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
func (l *StatusLog) History(ctx context.Context, connector string) ([]StatusRecord, error) {
	var history []StatusRecord
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

func statusRecords(records []*kgo.Record) []StatusRecord {
	var found []StatusRecord
	for _, record := range records {
		if status, ok := statusRecord(record); ok {
			found = append(found, status)
		}
	}
	return found
}

func statusRecord(record *kgo.Record) (StatusRecord, bool) {
	status, ok := parseStatus(record.Key, record.Value)
	status.At = record.Timestamp
	return status, ok
}

const (
	connectorPrefix = "status-connector-"
	taskPrefix      = "status-task-"
)

// parseStatus reads one record; ok is false for what is not about a connector
// or a task, or what this version of Connect's format does not explain.
func parseStatus(key, value []byte) (record StatusRecord, ok bool) {
	record.Task = OfConnector
	if name, isConnector := strings.CutPrefix(string(key), connectorPrefix); isConnector {
		record.Connector = name
	} else {
		rest, isTask := strings.CutPrefix(string(key), taskPrefix)
		dash := strings.LastIndexByte(rest, '-')
		if !isTask || dash < 0 {
			return StatusRecord{}, false
		}
		task, err := strconv.Atoi(rest[dash+1:])
		if err != nil || task < 0 {
			return StatusRecord{}, false
		}
		record.Connector, record.Task = rest[:dash], task
	}
	if len(value) == 0 {
		return record, true
	}
	var content struct {
		State      connect.State `json:"state"`
		WorkerID   string        `json:"worker_id"`
		Generation int           `json:"generation"`
	}
	if err := json.Unmarshal(value, &content); err != nil || content.State == "" {
		return StatusRecord{}, false
	}
	record.State, record.WorkerID, record.Generation = content.State, content.WorkerID, content.Generation
	return record, true
}
