package history

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
)

// Event is a message of the stream, a CloudEvent (1.0, JSON). Its schema is
// schemas/event.schema.json.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"` // also its Nats-Msg-Id
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"` // the connector
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            Data      `json:"data"`
}

// The types of events.
const (
	TypeStarted   = "io.connectferry.started"   // a move or rollback begins
	TypeContinued = "io.connectferry.continued" // another run continues it
	TypeStep      = "io.connectferry.step"      // a step has ended
	TypeEnded     = "io.connectferry.ended"     // its outcome
)

// SchemaID is the value of "schema" in the data of every event.
const SchemaID = "connect-ferry/event/1"

// Data is the data of an event.
type Data struct {
	Schema string `json:"schema"`
	// Move is the id of the move. It is the same for all runs that work on it.
	Move    string    `json:"move"`
	BegunAt time.Time `json:"begun_at"`
	// Open says that the move is not finished.
	Open            bool         `json:"open"`
	Command         string       `json:"command"` // move or rollback, of this run
	Connector       string       `json:"connector"`
	TargetConnector string       `json:"target_connector"`
	Origin          string       `json:"origin"`
	Target          string       `json:"target"`
	Event           string       `json:"event"` // last token of the subject
	Run             string       `json:"run"`
	By              event.Holder `json:"by"`
	Version         string       `json:"version"`
	Step            *Step        `json:"step,omitempty"`
	Outcome         string       `json:"outcome,omitempty"`
	// Result is the connector's part of the result document.
	Result *event.ConnectorResult `json:"result,omitempty"`
}

// Step is a step that has ended.
type Step struct {
	Step        string `json:"step"`
	Destination string `json:"toward"` // cluster the connector moves to
	TookMS      int64  `json:"took_ms"`
	Detail      string `json:"detail,omitempty"`
	Error       string `json:"error,omitempty"`
	// Inferred says that the run that took the step was killed before it published it.
	// The clusters show that it was taken.
	Inferred bool `json:"inferred,omitempty"`
}

// token is the last token of the event's subject.
func (s Step) token() string {
	if s.Error != "" {
		return s.Step + "_failed"
	}
	return s.Step
}

// id identifies a step: each step succeeds once in a move, but may fail in every run.
func (s Step) id(move, run string) string {
	id := move + "/"
	if s.Error != "" {
		id += run + "/"
	}
	return id + natsstore.Token(s.Destination) + "/" + s.token()
}
