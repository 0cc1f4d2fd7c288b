// Package event holds the events of a command and its result.
//
// The core emits typed events ([MoveStarted], [StepStarted], [StepEnded], [MoveEnded],
// [Note]) to a [Recorder] and returns a [Result]; it never prints. [Text] prints them for
// people, [JSONLines] for programs, and [Kestra] as the marker lines that Kestra reads
// from a task's standard output. Package history publishes them. None of them ever holds
// a config or an offset.
package event

import "time"

// Event is one of this package's types that a [Recorder] takes.
type Event interface{ event() }

// StepStarted says that a step begins.
type StepStarted struct {
	Connector   string
	Step        string
	Destination string // the cluster that the connector moves to
	At          time.Time
}

// StepEnded says how long a step took and whether it failed.
type StepEnded struct {
	Connector   string
	Step        string
	Destination string // as in [StepStarted]
	At          time.Time
	Took        time.Duration
	Detail      string // what was found or done, one line
	Err         error
}

// MoveStarted says that a run begins or continues a move or a rollback of a connector.
type MoveStarted struct {
	Connector       string
	TargetConnector string // its name on the target
	Command         string // "move", "rollback" or "accept"
	Origin, Target  string // as they were named, also in a rollback
	At              time.Time
}

// MoveEnded holds the result. The run does nothing more to the connector.
type MoveEnded struct {
	Result ConnectorResult
	At     time.Time
}

// Level is how much a [Note] matters.
type Level string

// The levels, by Kestra's names.
const (
	Info  Level = "INFO"
	Warn  Level = "WARN"
	Error Level = "ERROR"
)

// Note is a remark for the operator.
type Note struct {
	Connector string // "" if it is about the whole command
	Level     Level
	Message   string
	At        time.Time
}

func (StepStarted) event() {}
func (StepEnded) event()   {}
func (MoveStarted) event() {}
func (MoveEnded) event()   {}
func (Note) event()        {}

// Recorder takes events. Emit may be called from several goroutines at once and MUST NOT
// block for long: a connector may be standing still.
type Recorder interface{ Emit(Event) }

// Tee sends each event to several recorders, one after the other.
type Tee []Recorder

func (t Tee) Emit(happened Event) {
	for _, recorder := range t {
		recorder.Emit(happened)
	}
}

// Discard is a [Recorder] that drops every event.
type Discard struct{}

func (Discard) Emit(Event) {}
