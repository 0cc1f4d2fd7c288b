package connecttest

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// task is one task on its worker, with a thread of its own (WorkerTask). All
// fields are guarded by the Kafka's mutex, which its thread holds except while
// it waits.
type task struct {
	cluster   *Cluster
	connector string
	id        int
	epoch     int // of the task configs it was started with
	worker    *worker
	config    rawjson.Object
	impl      implementation

	target    connect.State
	started   bool
	stopAsked bool
	cancelled bool
	killed    bool
	failure   string // trace of a failure to come
	changed   chan struct{}
	done      chan struct{}
}

// implementation is what distinguishes sources and sinks. All methods are called
// with the mutex held.
type implementation interface {
	start()
	// between is called before each poll, also when the task is to pause.
	between()
	// pollTime is how long the next poll takes.
	pollTime() time.Duration
	// polled takes what the poll returned and passes it on; false if it could
	// not, since the task was cancelled, which ends the task without a last commit.
	polled() bool
	// commit writes offsets that may be committed.
	commit()
	// flush is called each flush interval, on another thread. It may wait.
	flush()
	// lastCommit is called by the task's thread when it ends. It may wait.
	lastCommit()
	// close is called by the task's thread at its very end.
	close()
}

// startTask starts a task's thread.
func (c *Cluster) startTask(id taskID, known connectorConfig, config rawjson.Object, worker *worker) *task {
	t := &task{
		cluster: c, connector: id.connector, id: id.task, epoch: known.epoch, worker: worker, config: config,
		target: known.target, changed: make(chan struct{}), done: make(chan struct{}),
	}
	plugin, _ := c.plugin(config.Text("connector.class"))
	if plugin.Type == "sink" {
		t.impl = newSinkTask(t)
	} else {
		t.impl = newSourceTask(t)
	}
	c.running.Go(t.run)
	c.running.Go(t.commitEachInterval)
	return t
}

func (t *task) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *task) follow(target connect.State) {
	if t.stopping() {
		return
	}
	t.target = target
	t.notify()
}

func (t *task) requestStop() {
	t.stopAsked = true
	t.notify()
}

func (t *task) cancel() {
	t.cancelled = true
	t.notify()
}

func (t *task) kill() {
	t.killed = true
	t.notify()
}

func (t *task) stopping() bool { return t.stopAsked || t.target == connect.Stopped }

// run is the task's thread (WorkerTask.run, AbstractWorkerSourceTask.execute).
func (t *task) run() {
	defer close(t.done)
	mu := &t.cluster.kafka.mu
	mu.Lock()
	defer mu.Unlock()
	defer t.impl.close()
	if t.startup() {
		// One that rests from the beginning has produced nothing until now.
		run := t.cluster.kafka.beginRun(t)
		defer run.end()
		if t.loop(run) {
			t.impl.lastCommit()
		}
	}
	switch {
	case t.gone() || t.cancelled:
	case t.failure != "" && !t.stopping():
		t.cluster.writeStatus(t.connector, t.id, connect.Failed, t.worker, t.failure)
	default:
		t.status(connect.Unassigned)
	}
}

// gone reports whether the task's worker is no more: nothing it does is heard.
func (t *task) gone() bool { return t.killed || t.cluster.ctx.Err() != nil }

// startup starts the task unless it is to end, or fails, before.
func (t *task) startup() bool {
	// Paused from the beginning it has read no offsets and joined no group yet
	// (WorkerTask.doRun).
	if t.target == connect.Paused && !t.stopping() && !t.rest() {
		return false
	}
	for t.cluster.heldUp() && !t.stopping() && !t.gone() {
		t.await(nil)
	}
	if trace := t.cluster.failStarts[t.connector]; trace != "" {
		t.failure = trace
	} else if t.config.Text("fail.on.start") == "true" {
		t.failure = "org.apache.kafka.connect.errors.ConnectException: told to fail by fail.on.start"
	}
	if t.stopping() || t.gone() || t.failure != "" {
		return false
	}
	t.started = true
	t.impl.start()
	t.status(connect.Running)
	return true
}

// loop polls until the task is to end. It returns false if the task ends
// without a last commit.
func (t *task) loop(run *Run) bool {
	for !t.stopping() && t.failure == "" {
		t.impl.between()
		if t.target == connect.Paused {
			if t.rest() {
				t.status(connect.Running)
			}
			if t.gone() {
				return false
			}
			continue
		}
		if !t.wait(t.impl.pollTime(), run) || !t.impl.polled() {
			return false
		}
	}
	return !t.gone()
}

// rest reports PAUSED and parks until the task is to run or to end; it returns
// false for the latter.
func (t *task) rest() bool {
	t.sayPaused()
	for t.target == connect.Paused && !t.stopping() && !t.gone() && t.failure == "" {
		t.await(nil)
	}
	return !t.stopping() && !t.gone() && t.failure == ""
}

// sayPaused reports PAUSED. A sink that has started commits (WorkerSinkTask.iteration).
func (t *task) sayPaused() {
	t.status(connect.Paused)
	if sink, ok := t.impl.(*sinkTask); ok && t.started {
		sink.commit()
	}
}

// wait lets d pass, as a poll does: only the end of the worker interrupts it,
// upon which it returns false.
func (t *task) wait(d time.Duration, run *Run) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if t.gone() {
			run.end()
			return false
		}
		if t.cancelled && run.To.IsZero() {
			run.end()
			run.Cancelled = true
		}
		if t.await(timer.C) {
			return true
		}
	}
}

// await gives the mutex up until the timer fires (true) or the task's state
// changes.
func (t *task) await(timer <-chan time.Time) bool {
	changed := t.changed
	t.cluster.kafka.mu.Unlock()
	defer t.cluster.kafka.mu.Lock()
	select {
	case <-timer:
		return true
	case <-changed:
	case <-t.cluster.ctx.Done():
	}
	return false
}

func (t *task) status(state connect.State) {
	t.cluster.writeStatus(t.connector, t.id, state, t.worker, "")
}

// commitEachInterval is the periodic committer of sources
// (SourceTaskOffsetCommitter); sinks commit on their own thread at the same pace.
func (t *task) commitEachInterval() {
	ticker := time.NewTicker(t.cluster.flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.cluster.kafka.mu.Lock()
			if !t.killed && !t.stopping() {
				t.impl.flush()
			}
			t.cluster.kafka.mu.Unlock()
		case <-t.done:
			return
		case <-t.cluster.ctx.Done():
			return
		}
	}
}
