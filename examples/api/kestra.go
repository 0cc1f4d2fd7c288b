package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Kestra is a server of version 1.3 or 2.0. Where their paths differ, both are tried.
type Kestra struct {
	URL, Tenant, Namespace string
	User, Password         string
}

// Execution is what this program needs of one.
type Execution struct {
	ID    string
	State struct {
		Current   string
		Histories []json.RawMessage // one for each state it has had
	}
	// Outputs are those of the flow, as JSON.
	Outputs     json.RawMessage
	TaskRunList []struct {
		ID, TaskID string
		Outputs    json.RawMessage // in 1.3 only
	}
}

// Waits says whether the execution waits for an answer.
func (e Execution) Waits() bool { return e.State.Current == "PAUSED" }

// waitsAnew says whether it waits for another answer than the one that was given when it
// had had so many states: the server may show the old state for a moment.
func (e Execution) waitsAnew(states int) bool { return e.Waits() && len(e.State.Histories) > states }

// Succeeded says whether it ended well; a warning is, for example, a webhook that was down.
func (e Execution) Succeeded() bool {
	return e.State.Current == "SUCCESS" || e.State.Current == "WARNING"
}

func (e Execution) ended() bool {
	switch e.State.Current {
	case "FAILED", "KILLED", "CANCELLED", "SKIPPED":
		return true
	}
	return e.Succeeded()
}

// Start starts a flow and returns the id of its execution.
func (k *Kestra) Start(ctx context.Context, flow string, inputs [][2]string) (string, error) {
	var begun Execution
	err := k.form(ctx, k.path("executions", k.Namespace, flow), inputs, &begun)
	return begun.ID, err
}

// Resume answers an execution that waits.
func (k *Kestra) Resume(ctx context.Context, execution string, inputs [][2]string) error {
	err := k.form(ctx, k.path("executions", execution, "actions", "resume"), inputs, nil)
	if isNotFound(err) { // before 2.0
		err = k.form(ctx, k.path("executions", execution, "resume"), inputs, nil)
	}
	return err
}

// Get reads an execution as it is now.
func (k *Kestra) Get(ctx context.Context, execution string) (Execution, error) {
	var read Execution
	err := k.do(ctx, http.MethodGet, k.path("executions", execution), "", nil, decode(&read))
	return read, err
}

// TaskOutputs returns the outputs of a task's last run as JSON. Kestra 2.0 keeps them apart from the execution.
func (k *Kestra) TaskOutputs(ctx context.Context, execution, task string) (json.RawMessage, error) {
	read, err := k.Get(ctx, execution)
	if err != nil {
		return nil, err
	}
	for i := len(read.TaskRunList) - 1; i >= 0; i-- {
		one := read.TaskRunList[i]
		if one.TaskID != task {
			continue
		}
		if one.Outputs != nil {
			return one.Outputs, nil
		}
		var outputs json.RawMessage
		err := k.do(ctx, http.MethodGet, k.path("outputs", execution, one.ID), "", nil, decode(&outputs))
		return outputs, err
	}
	return nil, fmt.Errorf("execution %s has not run a task %s", execution, task)
}

// Follow tells each state until the execution has ended or waits for an answer. It follows
// the events that the server sends, and asks again where their stream ends early. An
// execution that was answered had had so many states before; one that was started, none.
func (k *Kestra) Follow(ctx context.Context, execution string, states int, tell func(state string)) (Execution, error) {
	for {
		if err := k.events(ctx, execution, func(event Execution) (goOn bool) {
			if len(event.State.Histories) > states {
				tell(event.State.Current)
				if !event.Waits() {
					states = len(event.State.Histories)
				}
			}
			return !event.ended() && !event.waitsAnew(states)
		}); err != nil {
			return Execution{}, err
		}
		// An event may lack the flow's outputs, which the execution has at its end.
		read, err := k.Get(ctx, execution)
		if err != nil || read.ended() || read.waitsAnew(states) {
			return read, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return Execution{}, context.Cause(ctx)
		}
	}
}

// events calls see with every state that the server sends, as server-sent events, until see has seen enough.
func (k *Kestra) events(ctx context.Context, execution string, see func(Execution) (goOn bool)) error {
	return k.do(ctx, http.MethodGet, k.path("executions", execution, "follow"), "", nil, func(body io.Reader) error {
		lines := bufio.NewReader(body)
		for {
			line, err := lines.ReadString('\n')
			if data, ok := strings.CutPrefix(line, "data:"); ok {
				var event Execution
				if err := json.Unmarshal([]byte(data), &event); err != nil {
					return fmt.Errorf("event %.80q: %w", data, err)
				}
				if event.ID != "" && !see(event) { // the first event is an empty object
					return nil
				}
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

func (k *Kestra) path(parts ...string) string {
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.TrimSuffix(k.URL, "/") + "/api/v1/" + url.PathEscape(k.Tenant) + "/" + strings.Join(parts, "/")
}

// form posts inputs as Kestra takes them: one field of a multipart form each.
func (k *Kestra) form(ctx context.Context, address string, inputs [][2]string, into any) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, input := range inputs {
		if err := form.WriteField(input[0], input[1]); err != nil {
			return err
		}
	}
	if err := form.Close(); err != nil {
		return err
	}
	read := decode(into)
	if into == nil {
		read = func(io.Reader) error { return nil }
	}
	return k.do(ctx, http.MethodPost, address, form.FormDataContentType(), &body, read)
}

// StatusError is an answer that is none of success.
type StatusError struct {
	Method, URL string
	Code        int
	Body        string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: HTTP %d: %s", e.Method, e.URL, e.Code, e.Body)
}

func isNotFound(err error) bool {
	status, ok := errors.AsType[*StatusError](err)
	return ok && status.Code == http.StatusNotFound
}

func decode(into any) func(io.Reader) error {
	return func(body io.Reader) error { return json.NewDecoder(body).Decode(into) }
}

func (k *Kestra) do(ctx context.Context, method, address, contentType string, body io.Reader, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	request.SetBasicAuth(k.User, k.Password)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // what it says helps, and may be missing
		return &StatusError{method, address, response.StatusCode, strings.TrimSpace(string(said))}
	}
	if err := read(response.Body); err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	return nil
}
