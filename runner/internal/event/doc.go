// Package event says what happens during a command, and what came of it.
//
// The core emits typed events ([StepStarted], [StepEnded], [Note]) to a [Sink]
// and returns a [Result]; it never prints. Printing is folding: [Text] writes
// for people, [JSONLines] for programs, [Kestra] as the marker lines that
// Kestra reads from a task's standard output. None of them ever holds a config
// or an offset.
package event

import "time"

// Event is one of the types of this package that are sent to a [Sink].
type Event interface{ event() }

// StepStarted says that a step of a move begins.
type StepStarted struct {
	Connector string
	Step      string
	At        time.Time
}

// StepEnded says how long a step took and whether it failed.
type StepEnded struct {
	Connector string
	Step      string
	At        time.Time
	Took      time.Duration
	Detail    string // what was found or done, one line
	Err       error
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
func (Note) event()        {}

// Sink takes events. Emit may be called from several goroutines at once and
// must not block on a slow reader for long: a connector may be standing still.
type Sink interface{ Emit(Event) }

// Discard is a [Sink] that forgets.
type Discard struct{}

// Emit forgets the event.
func (Discard) Emit(Event) {}
