package kestratest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Event is one line of the engine: something that happened.
type Event struct {
	Event     string          `json:"event"` // started, resumed, form, execution, task, log, ended, kv, dashboard or error
	Ref       string          `json:"ref"`
	Execution string          `json:"execution"` // id
	Parent    string          `json:"parent"`    // id, of a sub-execution
	Flow      string          `json:"flow"`
	Task      string          `json:"task"`
	Value     string          `json:"value"` // of the task's iteration
	State     string          `json:"state"`
	Level     string          `json:"level"`
	Message   string          `json:"message"`
	MS        int64           `json:"ms"`
	Outputs   json.RawMessage `json:"outputs"`
	Tasks     []Task          `json:"tasks"`
	// Labels are those that an execution has by now.
	Labels map[string]string `json:"labels"`
	// Charts are the rows of a dashboard's charts.
	Charts Charts  `json:"charts"`
	Fields []Field `json:"fields"`
}

// Field is what a form shows of one input.
type Field struct {
	ID      string   `json:"id"`
	Enabled bool     `json:"enabled"` // it is shown
	Values  []string `json:"values"`  // that can be chosen
	Error   string   `json:"error"`
}

// Task is one run of a task.
type Task struct {
	Task    string          `json:"task"`
	Value   string          `json:"value"` // of its iteration
	State   string          `json:"state"`
	MS      int64           `json:"ms"`
	Outputs json.RawMessage `json:"outputs"`
}

// Log is a line of a task's log, of INFO or worse.
type Log struct {
	Flow    string
	Task    string
	Level   string
	Message string
}

// Execution is how a flow ended.
type Execution struct {
	ID      string
	Flow    string
	State   string // such as SUCCESS, FAILED, KILLED
	MS      int64
	Outputs json.RawMessage
	Tasks   []Task
	Labels  map[string]string
	// Logs are those of its sub-executions too, in the order they were stored.
	Logs []Log
	// States are the last known states of its sub-executions, by flow, and Known their labels.
	States map[string][]string
	Known  map[string][]map[string]string
}

// Task returns the last run of a task, and whether there was one.
func (x Execution) Task(id string) (Task, bool) {
	for i := len(x.Tasks) - 1; i >= 0; i-- {
		if x.Tasks[i].Task == id {
			return x.Tasks[i], true
		}
	}
	return Task{}, false
}

// Text is the log as text, a line each.
func (x Execution) Text() string {
	var text strings.Builder
	for _, line := range x.Logs {
		fmt.Fprintf(&text, "%-5s %s/%s %s\n", line.Level, line.Flow, line.Task, line.Message)
	}
	return text.String()
}

// Run is a flow that runs.
type Run struct {
	engine  *Engine
	ref     string
	started chan struct{}
	id      string // only once started is closed
	done    chan struct{}
	end     Execution // only once done is closed
	charts  Charts    // likewise, of a dashboard
	fields  []Field   // likewise, of a form
	err     error     // likewise
}

// Run runs a flow of [Namespace] to its end. inputs are encoded as JSON. An
// error means that it did not run, not that it failed.
func (e *Engine) Run(ctx context.Context, flow string, inputs any) (Execution, error) {
	run, err := e.Begin(flow, inputs)
	if err != nil {
		return Execution{}, err
	}
	return run.Wait(ctx)
}

// Begin begins to run a flow of [Namespace].
func (e *Engine) Begin(flow string, inputs any) (*Run, error) {
	run := e.newRun()
	command := map[string]any{"run": flow, "namespace": Namespace, "inputs": inputs, "ref": run.ref}
	if e.options.Longest > 0 {
		command["seconds"] = int(e.options.Longest.Seconds())
	}
	return run, e.send(command)
}

// Webhook calls the webhook of a flow of [Namespace], as an HTTP request with this key and body would.
func (e *Engine) Webhook(flow, key string, body any) (*Run, error) {
	run := e.newRun()
	return run, e.send(map[string]any{"webhook": flow, "namespace": Namespace, "key": key, "value": body, "ref": run.ref})
}

// Follow follows an execution that was begun before [Engine.Restart].
func (e *Engine) Follow(ctx context.Context, begun *Run) (*Run, error) {
	select {
	case <-begun.started:
	case <-ctx.Done():
		return nil, fmt.Errorf("kestratest: %w", context.Cause(ctx))
	}
	return e.FollowID(begun.id)
}

// FollowID follows an execution that another one began.
func (e *Engine) FollowID(execution string) (*Run, error) {
	run := e.newRun()
	return run, e.send(map[string]any{"follow": execution, "ref": run.ref})
}

func (e *Engine) newRun() *Run {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refs++
	run := &Run{engine: e, ref: fmt.Sprint(e.refs), started: make(chan struct{}), done: make(chan struct{})}
	e.runs[run.ref] = run
	return run
}

// Wait returns the execution when it has ended and its log is complete.
func (r *Run) Wait(ctx context.Context) (Execution, error) {
	select {
	case <-r.done:
		return r.end, r.err
	case <-r.engine.ended:
		return Execution{}, r.engine.err
	case <-ctx.Done():
		return Execution{}, fmt.Errorf("kestratest: %w; %s", context.Cause(ctx), r.stands())
	}
}

// stands says how far the execution is, for the one who waits for it in vain.
func (r *Run) stands() string {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	states, _ := r.engine.tree.subs(r.id)
	return fmt.Sprintf("%s is %q, what it began %v; its log:\n%s", r.engine.tree.flows[r.id], r.engine.tree.state[r.id], states, Execution{Logs: r.engine.tree.logs(r.id)}.Text())
}

// Paused waits until the execution, or one that it began, pauses in a flow, and returns its id.
func (r *Run) Paused(ctx context.Context, flow string, limit time.Duration) (execution string, err error) {
	err = wait.Until(ctx, flow+" to pause", limit, func(context.Context) (bool, string, error) {
		select {
		case <-r.done:
			return false, "", fmt.Errorf("kestratest: %s ended %s before %s paused; its log:\n%s", r.end.Flow, r.end.State, flow, r.end.Text())
		case <-r.engine.ended:
			return false, "", r.engine.err
		default:
		}
		r.engine.mu.Lock()
		defer r.engine.mu.Unlock()
		if r.id != "" {
			execution = r.engine.tree.find(r.id, flow, "", "PAUSED")
		}
		return execution != "", "it has not", nil
	})
	return execution, err
}

// Asked waits until an execution of a flow that this one began pauses, the one with that label
// connector, and returns its id. It may do so after this one has ended, which need not wait for it.
func (r *Run) Asked(ctx context.Context, flow, connector string, limit time.Duration) (execution string, err error) {
	return r.within(ctx, flow, connector, "PAUSED", limit)
}

// Ended waits likewise until one has succeeded.
func (r *Run) Ended(ctx context.Context, flow, connector string, limit time.Duration) (execution string, err error) {
	return r.within(ctx, flow, connector, "SUCCESS", limit)
}

func (r *Run) within(ctx context.Context, flow, connector, state string, limit time.Duration) (execution string, err error) {
	err = wait.Until(ctx, flow+" of "+connector+" to be "+state, limit, func(context.Context) (bool, string, error) {
		r.engine.mu.Lock()
		defer r.engine.mu.Unlock()
		if r.id == "" {
			return false, "it has not begun", nil
		}
		execution = r.engine.tree.find(r.id, flow, connector, state)
		states, _ := r.engine.tree.subs(r.id)
		return execution != "", fmt.Sprint(states[flow]), nil
	})
	return execution, err
}

// Resume fills in the form of a paused execution.
func (e *Engine) Resume(ctx context.Context, execution string, inputs any) error {
	run := e.newRun()
	if err := e.send(map[string]any{"resume": execution, "inputs": inputs, "ref": run.ref}); err != nil {
		return err
	}
	_, err := run.Wait(ctx)
	return err
}

// Form returns what the form of a flow of [Namespace] shows once these inputs are filled in, by their ids.
func (e *Engine) Form(ctx context.Context, flow string, inputs any) (map[string]Field, error) {
	run := e.newRun()
	if err := e.send(map[string]any{"form": flow, "namespace": Namespace, "inputs": inputs, "ref": run.ref}); err != nil {
		return nil, err
	}
	if _, err := run.Wait(ctx); err != nil {
		return nil, err
	}
	shown := map[string]Field{}
	for _, field := range run.fields {
		shown[field.ID] = field
	}
	return shown, nil
}

// state is the last known state of the execution.
func (r *Run) state() string {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	return r.engine.tree.state[r.id]
}

// Kill asks Kestra to kill the execution, as its user would. [Run.Wait] tells when it
// has ended.
func (r *Run) Kill(ctx context.Context) error {
	select {
	case <-r.started:
	case <-r.done:
		return errors.New("kestratest: execution has ended before it could be killed")
	case <-ctx.Done():
		return fmt.Errorf("kestratest: %w", context.Cause(ctx))
	}
	return r.engine.send(map[string]string{"kill": r.id})
}

// SetKV sets an entry of the KV store of [Namespace]. value is encoded as JSON.
func (e *Engine) SetKV(ctx context.Context, key string, value any) error {
	return e.SetKVIn(ctx, Namespace, key, value)
}

// SetKVIn sets an entry of the KV store of a namespace.
func (e *Engine) SetKVIn(ctx context.Context, namespace, key string, value any) error {
	settled := make(chan error, 1)
	e.mu.Lock()
	e.settled = append(e.settled, settled)
	e.mu.Unlock()
	if err := e.send(map[string]any{"kv": key, "namespace": namespace, "value": value}); err != nil {
		return err
	}
	select {
	case err := <-settled:
		return err
	case <-e.ended:
		return e.err
	case <-ctx.Done():
		return fmt.Errorf("kestratest: %w", context.Cause(ctx))
	}
}

// take notes an event.
func (e *Engine) take(event Event) {
	e.mu.Lock()
	e.tree.take(event)
	run := e.runs[event.Ref]
	switch {
	case event.Event == "kv":
		e.settled[0] <- nil
		e.settled = e.settled[1:]
	case run == nil:
	case event.Event == "resumed":
		e.tree.state[event.Execution] = "RUNNING" // the event that says so may come later
		close(run.done)
	case event.Event == "dashboard":
		run.charts = event.Charts
		close(run.done)
	case event.Event == "form":
		run.fields = event.Fields
		close(run.done)
	case event.Event == "started":
		run.id = event.Execution
		close(run.started)
	case event.Event == "ended":
		states, labels := e.tree.subs(event.Execution)
		run.end = Execution{
			ID: event.Execution, Flow: event.Flow, State: event.State, MS: event.MS, Outputs: event.Outputs, Tasks: event.Tasks, Labels: event.Labels,
			Logs: e.tree.logs(event.Execution), States: states, Known: labels,
		}
		close(run.done)
	case event.Event == "error":
		run.err = fmt.Errorf("kestratest: %s", event.Message)
		close(run.done)
	}
	e.mu.Unlock()
	e.onEvent(event)
}

// tree knows which execution belongs to which.
type tree struct {
	parents map[string]string
	flows   map[string]string
	state   map[string]string
	labels  map[string]map[string]string
	order   []string
	seen    []loggedBy
}

type loggedBy struct {
	execution string
	line      Log
}

func newTree() tree {
	return tree{parents: map[string]string{}, flows: map[string]string{}, state: map[string]string{}, labels: map[string]map[string]string{}}
}

func (t *tree) take(event Event) {
	switch event.Event {
	case "execution":
		if _, known := t.state[event.Execution]; !known {
			t.order = append(t.order, event.Execution)
		}
		t.flows[event.Execution], t.state[event.Execution], t.labels[event.Execution] = event.Flow, event.State, event.Labels
		if event.Parent != "" {
			t.parents[event.Execution] = event.Parent
		}
	case "log":
		t.seen = append(t.seen, loggedBy{event.Execution, Log{Flow: event.Flow, Task: event.Task, Level: event.Level, Message: event.Message}})
	}
}

// find returns an execution of a flow within root that has a state and, unless connector is "", that
// label; "" if there is none.
func (t *tree) find(root, flow, connector, state string) string {
	for _, execution := range t.order {
		if t.flows[execution] == flow && (connector == "" || t.labels[execution]["connector"] == connector) && t.state[execution] == state && t.within(execution, root) {
			return execution
		}
	}
	return ""
}

func (t *tree) within(execution, root string) bool {
	for range 20 { // deeper than any flow calls another
		if execution == root {
			return true
		}
		execution = t.parents[execution]
	}
	return false
}

func (t *tree) logs(root string) []Log {
	var logs []Log
	for _, logged := range t.seen {
		if t.within(logged.execution, root) {
			logs = append(logs, logged.line)
		}
	}
	return logs
}

// subs returns the states and the labels of what an execution began, by flow.
func (t *tree) subs(root string) (states map[string][]string, labels map[string][]map[string]string) {
	states, labels = map[string][]string{}, map[string][]map[string]string{}
	for _, execution := range t.order {
		if flow := t.flows[execution]; execution != root && t.within(execution, root) {
			states[flow] = append(states[flow], t.state[execution])
			labels[flow] = append(labels[flow], t.labels[execution])
		}
	}
	return states, labels
}
