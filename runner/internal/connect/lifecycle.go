package connect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// State is the state of a connector or of one of its tasks.
type State string

// The states that Connect reports. A task is never STOPPED: a stopped connector has no
// tasks.
const (
	Running    State = "RUNNING"
	Paused     State = "PAUSED"
	Stopped    State = "STOPPED"
	Failed     State = "FAILED"
	Unassigned State = "UNASSIGNED"
	Restarting State = "RESTARTING"
)

// Status is what the answering worker knows of a connector and its tasks. It lags behind:
// a worker learns it from the status topic.
type Status struct {
	Name      string       `json:"name"`
	Type      string       `json:"type"` // "source" or "sink"
	Connector StateInfo    `json:"connector"`
	Tasks     []TaskStatus `json:"tasks"`
}

// StateInfo is a state and the worker that reported it.
type StateInfo struct {
	State    State  `json:"state"`
	WorkerID string `json:"worker_id"`
	Trace    string `json:"trace,omitempty"`   // of a failure; may quote config values
	Version  string `json:"version,omitempty"` // of the plugin that runs (KIP-891, Kafka 4.1)
}

// TaskStatus is the state of one task.
type TaskStatus struct {
	ID int `json:"id"`
	StateInfo
}

// AllTasks reports whether there is at least one task and each is in one of states.
func (s Status) AllTasks(states ...State) bool {
	return len(s.Tasks) > 0 && !slices.ContainsFunc(s.Tasks, func(task TaskStatus) bool {
		return !slices.Contains(states, task.State)
	})
}

// Starting reports whether the connector or one of its tasks is UNASSIGNED or RESTARTING.
func (s Status) Starting() bool {
	starting := []State{Unassigned, Restarting}
	return slices.Contains(starting, s.Connector.State) ||
		slices.ContainsFunc(s.Tasks, func(task TaskStatus) bool { return slices.Contains(starting, task.State) })
}

// Status returns the state of a connector and its tasks. The traces are masked here,
// before a caller cuts one in the middle of a secret.
//
// A task that is UNASSIGNED and no longer configured has ended, and is left out. The
// leader removes the statuses of such tasks after a rebalance, but a follower's last
// status may arrive later and then stays until the next one
// (DistributedHerder.updateDeletedTaskStatus, AbstractHerder.onShutdown; seen on 4.3.1).
func (c *Client) Status(ctx context.Context, connector string) (Status, error) {
	var status Status
	if err := c.get(ctx, &status, nil, "connectors", connector, "status"); err != nil {
		return status, err
	}
	status.Connector.Trace = c.mask(status.Connector.Trace)
	for i := range status.Tasks {
		status.Tasks[i].Trace = c.mask(status.Tasks[i].Trace)
	}
	if !slices.ContainsFunc(status.Tasks, TaskStatus.unassigned) {
		return status, nil
	}
	configured, err := c.Tasks(ctx, connector)
	if err != nil {
		return status, fmt.Errorf("which of the tasks are configured: %w", err)
	}
	status.Tasks = slices.DeleteFunc(status.Tasks, func(task TaskStatus) bool {
		return task.unassigned() && !slices.Contains(configured, task.ID)
	})
	return status, nil
}

func (t TaskStatus) unassigned() bool { return t.State == Unassigned }

// Pause asks the tasks to pause between two polls. Connect answers at once.
func (c *Client) Pause(ctx context.Context, connector string) error {
	return c.put(ctx, nil, nil, "connectors", connector, "pause")
}

// Resume asks a paused or stopped connector to run. Connect answers at once.
func (c *Client) Resume(ctx context.Context, connector string) error {
	return c.put(ctx, nil, nil, "connectors", connector, "resume")
}

// Stop asks for the tasks to end and be removed (KIP-875, Kafka 3.5). Connect answers
// before anything has stopped.
func (c *Client) Stop(ctx context.Context, connector string) error {
	return c.put(ctx, nil, nil, "connectors", connector, "stop")
}

// Restart restarts a connector and its tasks, if they failed (KIP-745, Kafka 3.0).
func (c *Client) Restart(ctx context.Context, connector string) error {
	return c.retry(ctx, func() error {
		return c.write(ctx, http.MethodPost, url.Values{"includeTasks": {"true"}, "onlyFailed": {"true"}}, nil, nil, "connectors", connector, "restart")
	})
}

// RestartTask ends a task, with its last commit, and starts it again in the connector's
// state: a task of a paused connector does not begin (WorkerTask.doRun). When Connect
// answers, the old task has ended, or was cancelled after
// task.shutdown.graceful.timeout.ms.
func (c *Client) RestartTask(ctx context.Context, connector string, task int) error {
	return c.retry(ctx, func() error {
		return c.write(ctx, http.MethodPost, nil, nil, nil, "connectors", connector, "tasks", strconv.Itoa(task), "restart")
	})
}
