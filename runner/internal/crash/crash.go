// Package crash turns a panic into an error.
//
// A panic in ferry is a fault of ferry, and a connector may be standing still at
// that moment: as an error it takes the way of every other failure, which puts
// the connector back. What Go prints of a panic shows the value it was raised
// with, which may hold a config. An [Error] shows types and places only.
package crash

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Report is where a fault of ferry is reported.
const Report = "https://github.com/connect-ferry/connect-ferry/issues"

// Error is a fault of ferry itself.
type Error struct {
	What  string // the type of what was raised, or what the Go runtime says
	Where string // the calls of ferry that led to it, the innermost first
}

func (e *Error) Error() string {
	return fmt.Sprintf("ferry itself failed, which is a fault of ferry (%s at %s); report this line, which holds no value of a config, at %s",
		e.What, e.Where, Report)
}

// Catch, when deferred, makes a panic the error that err points to.
func Catch(err *error) {
	if raised := recover(); raised != nil {
		*err = &Error{What: what(raised), Where: where()}
	}
}

// what names a raised value. The runtime's own errors hold numbers and types;
// any other may hold anything.
func what(raised any) string {
	if fault, ok := raised.(runtime.Error); ok {
		return fault.Error()
	}
	return fmt.Sprintf("panic with a %T", raised)
}

const (
	module     = "github.com/connect-ferry/connect-ferry/"
	maxCalls   = 6
	maxCallers = 64
)

// where lists the calls of ferry on the stack, without their arguments.
func where() string {
	counters := make([]uintptr, maxCallers)
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters)])
	var calls []string
	for more := true; more && len(calls) < maxCalls; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if strings.HasPrefix(frame.Function, module) && !strings.HasPrefix(frame.Function, module+"runner/internal/crash.") {
			calls = append(calls, fmt.Sprintf("%s %s:%d", path.Base(frame.Function), path.Base(frame.File), frame.Line))
		}
	}
	return strings.Join(calls, " < ")
}
