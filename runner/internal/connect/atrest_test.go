package connect

import (
	"strings"
	"testing"
)

func statusOf(connector State, tasks ...State) Status {
	status := Status{Connector: StateInfo{State: connector}}
	for i, state := range tasks {
		status.Tasks = append(status.Tasks, TaskStatus{ID: i, StateInfo: StateInfo{State: state}})
	}
	return status
}

// TestAtRest compares NotAtRest with Awake: nothing at rest is awake, and what is neither
// is in transition.
func TestAtRest(t *testing.T) {
	for name, test := range map[string]struct {
		status  Status
		rest    State
		missing string
		awake   bool
	}{
		"stopped":                       {statusOf(Stopped), Stopped, "", false},
		"stopped, a task left":          {statusOf(Stopped, Running), Stopped, "1 task in its status", true},
		"stopped, a task unassigned":    {statusOf(Stopped, Unassigned), Stopped, "1 task in its status", false},
		"its worker changes":            {statusOf(Unassigned), Stopped, "connector UNASSIGNED", false},
		"runs":                          {statusOf(Running, Running), Stopped, "connector RUNNING", true},
		"paused where stopped is known": {statusOf(Paused, Paused), Stopped, "connector PAUSED", true},
		"failed":                        {statusOf(Failed, Failed), Stopped, "connector FAILED", true},
		"paused":                        {statusOf(Paused, Paused, Paused), Paused, "", false},
		"paused, a task has failed":     {statusOf(Paused, Paused, Failed), Paused, "", true},
		"paused, a task runs":           {statusOf(Paused, Paused, Running), Paused, "task 1 RUNNING", true},
		"paused, a task on its way":     {statusOf(Paused, Unassigned), Paused, "task 0 UNASSIGNED", false},
		"failed where paused is rest":   {statusOf(Failed), Paused, "connector FAILED", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.status.NotAtRest(test.rest); got != test.missing {
				t.Errorf("not at rest: %q, want %q", got, test.missing)
			}
			if got := test.status.Awake(test.rest); got != test.awake {
				t.Errorf("awake: %v, want %v", got, test.awake)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	for name, test := range map[string]struct {
		status Status
		tasks  int
		want   string
	}{
		"all run":        {statusOf(Running, Running, Running), 2, ""},
		"more than told": {statusOf(Running, Running, Running), 1, ""},
		"one is missing": {statusOf(Running, Running), 2, "1 of 2 tasks"},
		"one rests":      {statusOf(Running, Running, Paused), 2, "task 1 PAUSED"},
		"not itself":     {statusOf(Unassigned, Running), 1, "connector UNASSIGNED"},
	} {
		if got := test.status.Missing(Running, test.tasks); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestFailure keeps one line of a trace, and cuts between words.
func TestFailure(t *testing.T) {
	if err := statusOf(Running, Running).Failure(); err != nil {
		t.Error(err)
	}
	status := statusOf(Running, Failed)
	status.Tasks[0].Trace = "java.sql.SQLException: no route\n\tat com.example.Secret.line"
	if err := status.Failure(); err == nil || err.Error() != "task 0 FAILED: java.sql.SQLException: no route" {
		t.Error(err)
	}
	status.Tasks[0].Trace = strings.Repeat("word ", 100)
	if err := status.Failure(); err == nil || !strings.HasSuffix(err.Error(), "word ...") || len(err.Error()) > 250 {
		t.Error(err)
	}
	status = statusOf(Failed)
	if err := status.Failure(); err == nil || err.Error() != "connector FAILED: no trace" {
		t.Error(err)
	}
}
