package connect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// This file defines "at rest" for all of ferry. The argument rest is the state of a
// connector at rest on the cluster: STOPPED, or PAUSED on workers that cannot stop
// (before KIP-875, Kafka 3.5).

// NotAtRest says what of the connector is not at rest, "" if all is: the connector is in
// its rest state, and none of its tasks runs, holds offsets or is in a consumer group. A
// stopped connector has no tasks left. The tasks of a paused one are paused or have
// failed; one that was restarted while paused has not begun (WorkerTask.doRun).
func (s Status) NotAtRest(rest State) string {
	switch {
	case s.Connector.State != rest:
		return "connector " + string(s.Connector.State)
	case rest != Stopped:
		return s.NotPaused()
	case len(s.Tasks) > 0:
		return words.Count(len(s.Tasks), "task") + " in its status"
	default:
		return ""
	}
}

// NotPaused says what still runs of a connector that was asked to pause, "" if nothing
// does. A FAILED task has ended, with its last commit (WorkerTask.doRun).
func (s Status) NotPaused() string {
	resting := []State{Paused, Failed}
	var working []string
	if !slices.Contains(resting, s.Connector.State) {
		working = append(working, "connector "+string(s.Connector.State))
	}
	for _, task := range s.Tasks {
		if !slices.Contains(resting, task.State) {
			working = append(working, fmt.Sprintf("task %d %s", task.ID, task.State))
		}
	}
	return strings.Join(working, ", ")
}

// Awake reports whether somebody started a connector that should be at rest: it or one of
// its tasks is in another state. UNASSIGNED is neither awake nor at rest: a stopped
// connector is UNASSIGNED while its config is put or its worker changes.
func (s Status) Awake(rest State) bool {
	awake := func(state State) bool { return state != rest && state != Unassigned }
	return awake(s.Connector.State) || slices.ContainsFunc(s.Tasks, func(task TaskStatus) bool { return awake(task.State) })
}

// AnyTask reports whether a task is in one of the states.
func (s Status) AnyTask(states ...State) bool {
	return slices.ContainsFunc(s.Tasks, func(task TaskStatus) bool { return slices.Contains(states, task.State) })
}

// CountTasks returns how many tasks are in the state.
func (s Status) CountTasks(state State) int {
	count := 0
	for _, task := range s.Tasks {
		if task.State == state {
			count++
		}
	}
	return count
}

// Missing says what is not in the given state yet, "" if the connector and all of its
// tasks, at least the given number, are.
func (s Status) Missing(state State, tasks int) string {
	if s.Connector.State != state {
		return "connector " + string(s.Connector.State)
	}
	if len(s.Tasks) < tasks {
		return fmt.Sprintf("%d of %s", len(s.Tasks), words.Count(tasks, "task"))
	}
	for _, task := range s.Tasks {
		if task.State != state {
			return fmt.Sprintf("task %d %s", task.ID, task.State)
		}
	}
	return ""
}

// NotAtRest is [Status.NotAtRest] of the present status, and also counts the configured
// tasks: the leader may have written the state but not yet the empty task list.
func (c *Client) NotAtRest(ctx context.Context, connector string, rest State) (string, error) {
	status, err := c.Status(ctx, connector)
	if err != nil {
		return "", fmt.Errorf("status of the resting connector: %w", err)
	}
	if missing := status.NotAtRest(rest); missing != "" || rest != Stopped {
		return missing, nil
	}
	tasks, err := c.Tasks(ctx, connector)
	if err != nil {
		return "", fmt.Errorf("tasks of the resting connector: %w", err)
	}
	if len(tasks) > 0 {
		return words.Count(len(tasks), "task") + " in its config", nil
	}
	return "", nil
}
