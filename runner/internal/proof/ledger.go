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

// ledger holds what is known of the end of each task of a connector.
type ledger struct {
	connector string
	tasks     map[int]*entry
}

type entry struct {
	worker   string        // that was last seen to have the task
	last     connect.State // that was seen, tombstones left out
	evidence event.TaskEvidence
	ended    bool
}

func newLedger(connector string) *ledger {
	return &ledger{connector: connector, tasks: map[int]*entry{}}
}

func (l *ledger) len() int { return len(l.tasks) }

// expect takes note of tasks that REST shows: each must be seen to end.
func (l *ledger) expect(tasks []connect.TaskStatus) {
	for _, task := range tasks {
		known, ok := l.tasks[task.ID]
		if !ok {
			known = &entry{}
			l.tasks[task.ID] = known
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

// record takes note of a record of the status topic. Records of one task come
// in order. Only the worker that had the task can tell that it ended: after a
// rebalance the UNASSIGNED of the worker that gave it away says nothing of the
// one that took it.
func (l *ledger) record(record internaltopic.Status) {
	if record.Connector != l.connector || record.Task == internaltopic.OfConnector {
		return
	}
	known, ok := l.tasks[record.Task]
	if !ok {
		known = &entry{worker: record.WorkerID}
		l.tasks[record.Task] = known
	}
	othersNews := record.State == connect.Unassigned && known.worker != "" && known.worker != record.WorkerID
	if record.State == "" || othersNews {
		return // a tombstone says nothing of how the task ended
	}
	known.last = record.State
	switch record.State {
	case connect.Unassigned:
		known.end(event.TaskEvidence{Task: record.Task, WorkerID: record.WorkerID, Evidence: "UNASSIGNED in the status topic", At: record.At})
	case connect.Failed:
		known.end(event.TaskEvidence{Task: record.Task, WorkerID: record.WorkerID, Evidence: "FAILED in the status topic", At: record.At})
	case connect.Paused:
		// One that ended and was started anew in a paused connector has not begun
		// (WorkerTask.doRun), so there is nothing of it that could be committed.
		known.worker = record.WorkerID
	case connect.Running, connect.Restarting:
		known.worker, known.ended = record.WorkerID, false
	case connect.Stopped: // a task never is
	}
}

func (e *entry) end(evidence event.TaskEvidence) { e.evidence, e.ended = evidence, true }

// open names the tasks that are not known to have ended.
func (l *ledger) open() string {
	return l.names(func(known *entry) bool { return !known.ended })
}

func (l *ledger) names(is func(*entry) bool) string {
	var names []string
	for _, task := range slices.Sorted(maps.Keys(l.tasks)) {
		if known := l.tasks[task]; is(known) {
			names = append(names, fmt.Sprintf("task %d on %s", task, known.worker))
		}
	}
	return strings.Join(names, ", ")
}

// cutOff names the tasks whose last word is not that they ended: they were
// cancelled in their poll or while records were not acknowledged, or their worker
// died, and a cancelled one may commit at any time.
func (l *ledger) cutOff() string {
	return l.names(func(known *entry) bool { return !known.ended && known.last != "" })
}

func (l *ledger) evidence() []event.TaskEvidence {
	var all []event.TaskEvidence
	for _, task := range slices.Sorted(maps.Keys(l.tasks)) {
		if l.tasks[task].ended {
			all = append(all, l.tasks[task].evidence)
		}
	}
	return all
}

func asTimeout(err error) (*wait.TimeoutError, bool) { return errors.AsType[*wait.TimeoutError](err) }
