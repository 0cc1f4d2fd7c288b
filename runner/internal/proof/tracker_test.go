package proof

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

// TestLedger feeds the tracker what REST and the status topic say of one task, in order.
func TestLedger(t *testing.T) {
	seen := func(state connect.State, worker string) func(*taskTracker) {
		return func(l *taskTracker) {
			l.expect([]connect.TaskStatus{{ID: 0, StateInfo: connect.StateInfo{State: state, WorkerID: worker}}})
		}
	}
	record := func(state connect.State, worker string) func(*taskTracker) {
		return func(l *taskTracker) {
			l.record(internaltopic.Status{Connector: "a", Task: 0, State: state, WorkerID: worker})
		}
	}
	const running, paused, unassigned, failed, tombstone = connect.Running, connect.Paused, connect.Unassigned, connect.Failed, ""
	for name, test := range map[string]struct {
		told   []func(*taskTracker)
		open   string
		cutOff string
	}{
		"ended":                           {told: []func(*taskTracker){seen(running, "w1"), record(paused, "w1"), record(unassigned, "w1")}},
		"still paused":                    {told: []func(*taskTracker){seen(running, "w1"), record(paused, "w1")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"restarted while paused":          {told: []func(*taskTracker){seen(running, "w1"), record(paused, "w1"), record(unassigned, "w1"), record(paused, "w1")}},
		"restarted, then resumed":         {told: []func(*taskTracker){seen(paused, "w1"), record(unassigned, "w1"), record(paused, "w1"), record(running, "w1"), record(paused, "w1")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"cancelled":                       {told: []func(*taskTracker){seen(running, "w1"), record(tombstone, "")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"given away, not ended":           {told: []func(*taskTracker){seen(running, "w1"), record(unassigned, "w1"), record(running, "w2")}, open: "task 0 on w2", cutOff: "task 0 on w2"},
		"given away, late news":           {told: []func(*taskTracker){seen(running, "w1"), record(running, "w2"), record(unassigned, "w1")}, open: "task 0 on w2", cutOff: "task 0 on w2"},
		"given away, ended there":         {told: []func(*taskTracker){seen(running, "w1"), record(unassigned, "w1"), record(running, "w2"), record(unassigned, "w2")}},
		"failed":                          {told: []func(*taskTracker){seen(failed, "w1")}},
		"failed, restarted":               {told: []func(*taskTracker){seen(failed, "w1"), seen(running, "w1")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"failed, restarted, in the topic": {told: []func(*taskTracker){seen(failed, "w1"), record(running, "w1")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"failed in the topic":             {told: []func(*taskTracker){seen(running, "w1"), record(failed, "w1")}},
		"ended, then a tombstone":         {told: []func(*taskTracker){record(running, "w1"), record(unassigned, "w1"), record(tombstone, "")}},
		"only a tombstone is left":        {told: []func(*taskTracker){record(tombstone, "")}, open: "task 0 on "},
		"restarting":                      {told: []func(*taskTracker){record(connect.Restarting, "w1")}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"another connector": {told: []func(*taskTracker){seen(running, "w1"), func(l *taskTracker) {
			l.record(internaltopic.Status{Connector: "b", State: unassigned, WorkerID: "w1"})
		}}, open: "task 0 on w1", cutOff: "task 0 on w1"},
		"of the connector itself": {told: []func(*taskTracker){func(l *taskTracker) {
			l.record(internaltopic.Status{Connector: "a", Task: internaltopic.OfConnector, State: running})
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTaskTracker("a")
			for _, tell := range test.told {
				tell(l)
			}
			if l.notEnded() != test.open || l.cutOff() != test.cutOff {
				t.Errorf("open %q, cut off %q, want %q, %q", l.notEnded(), l.cutOff(), test.open, test.cutOff)
			}
			if ended := len(l.evidence()); (ended == 1) != (test.open == "" && l.len() == 1) {
				t.Errorf("evidence %+v", l.evidence())
			}
		})
	}
}
