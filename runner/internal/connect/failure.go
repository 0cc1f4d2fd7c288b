package connect

import (
	"fmt"
	"strings"
)

// FailedError says that a connector or one of its tasks is FAILED.
type FailedError struct{ What string }

func (e *FailedError) Error() string { return e.What }

// Failure returns a [FailedError] if the connector or a task is FAILED, nil if not. A
// trace may quote values of the config, so only its first line is kept; secrets in it are
// masked where it is printed.
func (s Status) Failure() error {
	if s.Connector.State == Failed {
		return &FailedError{"connector FAILED: " + firstLine(s.Connector.Trace)}
	}
	for _, task := range s.Tasks {
		if task.State == Failed {
			return &FailedError{fmt.Sprintf("task %d FAILED: %s", task.ID, firstLine(task.Trace))}
		}
	}
	return nil
}

// maxTrace bounds, in bytes, how much of a trace is kept. Words are never cut: half a
// password would not be masked.
const maxTrace = 200

func firstLine(trace string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(trace), "\n")
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
