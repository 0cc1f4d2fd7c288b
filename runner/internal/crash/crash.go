// Package crash turns a panic into an error.
//
// A panic in ferry is a bug, and a connector may be standing still at that moment: as an
// error it is handled like every other failure, which puts the connector back. Go prints
// a panic with its value, which may hold a config. An [Error] shows only types and
// places.
package crash

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Report is where to report a bug of ferry.
const Report = "https://github.com/connect-ferry/connect-ferry/issues"

// Error is a panic in ferry itself.
type Error struct {
	What  string // the type of the panic's value, or the error of the Go runtime
	Where string // the calls in ferry that led to it, the innermost first
}

func (e *Error) Error() string {
	return fmt.Sprintf("ferry itself failed, which is a bug (%s at %s); report this line, which holds no value of a config, at %s",
		e.What, e.Where, Report)
}

// Catch, when deferred, turns a panic into an [Error] and stores it in err.
func Catch(err *error) {
	if raised := recover(); raised != nil {
		*err = &Error{What: what(raised), Where: where()}
	}
}

// what describes a panic's value. The runtime's own errors hold only numbers and types;
// any other value may hold anything.
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

// where lists the calls in ferry on the stack, without their arguments.
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
