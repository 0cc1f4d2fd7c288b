package move

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// failedError says that a connector or a task of it failed after the start.
type failedError struct{ what string }

func (e *failedError) Error() string { return e.what }

// regressedError says that a copy began before the offsets that were copied.
type regressedError struct{ what string }

func (e *regressedError) Error() string { return e.what }

// lateTasks is how long a copy of which nobody knows how many tasks it had may
// take to show its first one.
const lateTasks = 10 * time.Second

// startConnector asks for the state and waits until the connector and its tasks
// are in it, at least as many as expected.
func startConnector(ctx context.Context, cluster *Cluster, connector string, state connect.State, expected int, limit time.Duration) (string, error) {
	client := cluster.Client.Patient(windowPatience)
	ask := client.Resume
	if state == connect.Paused {
		ask = client.Pause
	}
	err := wait.Until(ctx, "the start on "+cluster.Name, staleTime, func(ctx context.Context) (bool, string, error) {
		err := ask(ctx, connector)
		if connect.IsNotFound(err) {
			return false, err.Error(), nil // a worker that lags behind may not know the copy yet
		}
		return err == nil, "", err
	})
	if err != nil {
		return "", fmt.Errorf("start on %s: %w", cluster.Name, err)
	}
	begun := time.Now()
	tasks := 0
	err = wait.Until(ctx, "the connector to be "+string(state)+" on "+cluster.Name, limit, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if connect.IsNotFound(err) && time.Since(begun) < staleTime {
			return false, err.Error(), nil
		}
		if err != nil {
			return false, "", fmt.Errorf("start on %s: %w", cluster.Name, err)
		}
		if err := failure(status); err != nil {
			return false, "", fmt.Errorf("start on %s: %w", cluster.Name, err)
		}
		tasks = len(status.Tasks)
		missing := notIn(status, state, expected)
		if missing == "" && state == connect.Running && expected == 0 && tasks == 0 && time.Since(begun) < min(lateTasks, limit/2) {
			missing = "no task yet"
		}
		return missing == "", missing, nil
	})
	return fmt.Sprintf("%s with %d tasks on %s", state, tasks, cluster.Name), err
}

func notIn(status connect.Status, state connect.State, expected int) string {
	if status.Connector.State != state {
		return "connector " + string(status.Connector.State)
	}
	if len(status.Tasks) < expected {
		return fmt.Sprintf("%d of %d tasks", len(status.Tasks), expected)
	}
	for _, task := range status.Tasks {
		if task.State != state {
			return fmt.Sprintf("task %d %s", task.ID, task.State)
		}
	}
	return ""
}

// failure returns an error if the connector or a task failed. The trace may
// quote values of the config, so only its first line is kept; what looks like a
// secret in it is masked where it is printed.
func failure(status connect.Status) error {
	if status.Connector.State == connect.Failed {
		return &failedError{"connector FAILED: " + firstLine(status.Connector.Trace)}
	}
	for _, task := range status.Tasks {
		if task.State == connect.Failed {
			return &failedError{fmt.Sprintf("task %d FAILED: %s", task.ID, firstLine(task.Trace))}
		}
	}
	return nil
}

// maxTrace is the length in bytes after which no further word of a trace is kept.
// A word is never cut: half a password would not be masked.
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
