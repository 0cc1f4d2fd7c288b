package kestratest

import "testing"

func TestFlows(t *testing.T) {
	for _, version := range versions(t) {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			s.source(t, "orders", nil)
			s.source(t, "payments", nil)
			x := s.run(t, "migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"orders", "payments"}})
			t.Log(x.State, x.MS, string(x.Outputs), x.Text(), x.States)
			for _, task := range x.Tasks {
				t.Log(task.Task, task.Value, task.State, task.MS, string(task.Outputs))
			}
		})
	}
}
