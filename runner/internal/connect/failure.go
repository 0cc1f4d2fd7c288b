package connect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FailedError says that a connector or one of its tasks is FAILED.
type FailedError struct{ What string }

func (e *FailedError) Error() string { return e.What }

// Failure returns a [FailedError] that names what is FAILED, the connector or its tasks,
// with the first line of each trace; nil if nothing is. A trace may quote values of the
// config, so no more is kept; secrets in it are masked where it is printed.
func (s Status) Failure() error {
	if s.Connector.State == Failed {
		return &FailedError{"connector FAILED: " + s.Connector.FirstLine()}
	}
	failed := map[string][]string{} // task numbers by trace: tasks mostly fail alike
	var traces []string
	for _, task := range s.Tasks {
		if task.State != Failed {
			continue
		}
		trace := task.FirstLine()
		if failed[trace] == nil {
			traces = append(traces, trace)
		}
		failed[trace] = append(failed[trace], strconv.Itoa(task.ID))
	}
	if len(traces) == 0 {
		return nil
	}
	parts := make([]string, 0, maxFailures)
	for _, trace := range traces[:min(len(traces), maxFailures)] {
		noun := "task "
		if len(failed[trace]) > 1 {
			noun = "tasks "
		}
		parts = append(parts, noun+strings.Join(failed[trace], ", ")+" FAILED: "+trace)
	}
	if more := len(traces) - maxFailures; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d other traces", more))
	}
	return &FailedError{strings.Join(parts, "; ")}
}

// maxFailures is how many different traces a [FailedError] quotes.
const maxFailures = 3

// FailedBefore reports whether all that is FAILED was FAILED in an earlier status too.
func (s Status) FailedBefore(earlier Status) bool {
	if s.Connector.State == Failed {
		return earlier.Connector.State == Failed
	}
	before := map[int]bool{}
	for _, task := range earlier.Tasks {
		before[task.ID] = task.State == Failed
	}
	return !slices.ContainsFunc(s.Tasks, func(task TaskStatus) bool { return task.State == Failed && !before[task.ID] })
}

// maxTrace bounds, in bytes, how much of a trace is kept. Words are never cut: half a
// password would not be masked.
const maxTrace = 200

// FirstLine returns the first line of the trace.
func (i StateInfo) FirstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(i.Trace), "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return "no trace"
	}
	var kept strings.Builder
	for _, word := range words {
		if kept.Len()+len(word) > maxTrace {
			return strings.TrimSpace(kept.String() + " ...")
		}
		if kept.Len() > 0 {
			kept.WriteByte(' ')
		}
		kept.WriteString(word)
	}
	return kept.String()
}
