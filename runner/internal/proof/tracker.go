package proof

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// taskTracker holds the evidence that each task of a connector ended.
type taskTracker struct {
	connector string
	tasks     map[int]*trackedTask
}

type trackedTask struct {
	worker   string        // last seen with the task
	last     connect.State // last seen, except tombstones
	evidence event.TaskEvidence
	ended    bool
}

func newTaskTracker(connector string) *taskTracker {
	return &taskTracker{connector: connector, tasks: map[int]*trackedTask{}}
}

func (t *taskTracker) len() int { return len(t.tasks) }

// expect adds tasks that REST shows: each must be seen to end.
func (t *taskTracker) expect(tasks []connect.TaskStatus) {
	for _, task := range tasks {
		known, ok := t.tasks[task.ID]
		if !ok {
			known = &trackedTask{}
			t.tasks[task.ID] = known
		}
		known.worker = task.WorkerID
		known.last = task.State
		if task.State == connect.Failed {
			known.end(event.TaskEvidence{Task: task.ID, WorkerID: task.WorkerID, Evidence: "FAILED before the stop"})
			continue
		}
		known.ended = false // a failed task that was restarted
	}
}

// record adds a record of the status topic. Records of one task come in order. Only the
// worker that had the task last can say that it ended: after a rebalance, UNASSIGNED from
// the old worker says nothing about the new one.
func (t *taskTracker) record(record internaltopic.Status) {
	if record.Connector != t.connector || record.Task == internaltopic.OfConnector {
		return
	}
	known, ok := t.tasks[record.Task]
	if !ok {
		known = &trackedTask{worker: record.WorkerID}
		t.tasks[record.Task] = known
	}
	fromOldWorker := record.State == connect.Unassigned && known.worker != "" && known.worker != record.WorkerID
	if record.State == "" || fromOldWorker {
		return // a tombstone says nothing of how the task ended
	}
	known.last = record.State
	switch record.State {
	case connect.Unassigned:
		known.end(event.TaskEvidence{Task: record.Task, WorkerID: record.WorkerID, Evidence: "UNASSIGNED in the status topic", At: record.At})
	case connect.Failed:
		known.end(event.TaskEvidence{Task: record.Task, WorkerID: record.WorkerID, Evidence: "FAILED in the status topic", At: record.At})
	case connect.Paused:
		// ended stays: a task that is restarted while its connector is paused has not
		// begun (WorkerTask.doRun), so it has nothing to commit.
		known.worker = record.WorkerID
	case connect.Running, connect.Restarting:
		known.worker, known.ended = record.WorkerID, false
	case connect.Stopped: // a task never is
	}
}

func (e *trackedTask) end(evidence event.TaskEvidence) { e.evidence, e.ended = evidence, true }

// notEnded lists the tasks that are not known to have ended.
func (t *taskTracker) notEnded() string {
	return t.names(func(known *trackedTask) bool { return !known.ended })
}

func (t *taskTracker) names(is func(*trackedTask) bool) string {
	var names []string
	for _, task := range slices.Sorted(maps.Keys(t.tasks)) {
		if known := t.tasks[task]; is(known) {
			names = append(names, fmt.Sprintf("task %d on %s", task, known.worker))
		}
	}
	return strings.Join(names, ", ")
}

// cutOff lists the tasks whose last record does not say that they ended: they were
// cancelled in their poll or before their records were acknowledged, or their worker
// died. A cancelled task may still commit at any time.
func (t *taskTracker) cutOff() string {
	return t.names(func(known *trackedTask) bool { return !known.ended && known.last != "" })
}

func (t *taskTracker) evidence() []event.TaskEvidence {
	var all []event.TaskEvidence
	for _, task := range slices.Sorted(maps.Keys(t.tasks)) {
		if t.tasks[task].ended {
			all = append(all, t.tasks[task].evidence)
		}
	}
	return all
}

func asTimeout(err error) (*wait.TimeoutError, bool) { return errors.AsType[*wait.TimeoutError](err) }
