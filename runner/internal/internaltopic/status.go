package internaltopic

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// OfConnector is [Status.Task] of a record that speaks of the connector
// itself.
const OfConnector = -1

// Status is one record of a status topic about a connector or a task.
type Status struct {
	Connector  string
	Task       int           // OfConnector for the connector itself
	State      connect.State // "" for a tombstone, which says nothing about how a task ended
	WorkerID   string
	Generation int
	At         time.Time // the record's timestamp, by the worker's clock
}

const (
	statusConnectorPrefix = "status-connector-"
	statusTaskPrefix      = "status-task-"
)

// ParseStatus reads one record; ok is false for what is not about a connector
// or a task, or what this version of Connect's format does not explain.
func ParseStatus(key, value []byte) (record Status, ok bool) {
	record.Task = OfConnector
	if name, isConnector := strings.CutPrefix(string(key), statusConnectorPrefix); isConnector {
		record.Connector = name
	} else {
		rest, isTask := strings.CutPrefix(string(key), statusTaskPrefix)
		dash := strings.LastIndexByte(rest, '-')
		if !isTask || dash < 0 {
			return Status{}, false
		}
		task, err := strconv.Atoi(rest[dash+1:])
		if err != nil || task < 0 {
			return Status{}, false
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
		return Status{}, false
	}
	record.State, record.WorkerID, record.Generation = content.State, content.WorkerID, content.Generation
	return record, true
}
