package event

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// JSONLines writes events as one JSON object a line, each with a message_type.
// It is a [Recorder].
type JSONLines struct {
	mu  sync.Mutex
	out *json.Encoder
}

// NewJSONLines returns a recorder that writes to out.
func NewJSONLines(out io.Writer) *JSONLines {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return &JSONLines{out: encoder}
}

type jsonEvent struct {
	MessageType string    `json:"message_type"` // "step_started", "step_ended" or "note"
	At          time.Time `json:"at"`
	Connector   string    `json:"connector,omitempty"`
	Step        string    `json:"step,omitempty"`
	TookMS      *int64    `json:"took_ms,omitempty"`
	Detail      string    `json:"detail,omitempty"`
	Error       string    `json:"error,omitempty"`
	Level       Level     `json:"level,omitempty"`
	Message     string    `json:"message,omitempty"`
}

// Emit writes one line.
func (j *JSONLines) Emit(happened Event) {
	var line jsonEvent
	switch e := happened.(type) {
	case StepStarted:
		line = jsonEvent{MessageType: "step_started", At: e.At, Connector: e.Connector, Step: e.Step}
	case StepEnded:
		took := e.Took.Milliseconds()
		line = jsonEvent{MessageType: "step_ended", At: e.At, Connector: e.Connector, Step: e.Step, TookMS: &took, Detail: e.Detail}
		if e.Err != nil {
			line.Error = e.Err.Error()
		}
	case MoveStarted, MoveEnded:
		return // the result has it
	case Note:
		line = jsonEvent{MessageType: "note", At: e.At, Connector: e.Connector, Level: e.Level, Message: e.Message}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.out.Encode(line)
}
