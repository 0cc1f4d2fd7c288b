package pair

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

func side(state connect.State, rest connect.State, tasks ...connect.State) instance.Observed {
	seen := instance.Observed{Exists: true, Rest: rest, Status: connect.Status{Connector: connect.StateInfo{State: state}}}
	for i, task := range tasks {
		seen.Tasks = append(seen.Tasks, i)
		seen.Status.Tasks = append(seen.Status.Tasks, connect.TaskStatus{ID: i, StateInfo: connect.StateInfo{State: task}})
	}
	return seen
}

func marked(seen instance.Observed, mark func(rawjson.Object, connect.State) rawjson.Object, state connect.State) instance.Observed {
	seen.Config = mark(seen.Config, state)
	return seen
}

// TestStates tests the table in the docs: where a move stands, derived from both
// clusters.
func TestStates(t *testing.T) {
	offsets, err := offset.Parse(rawjsontest.Value(t, `{"offsets":[{"partition":{"p":"a"},"offset":{"n":5}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	const stop, pause = connect.Stopped, connect.Paused // the state of rest of new workers and of old ones
	runs, stopped, absent := side(connect.Running, stop, connect.Running), side(stop, stop), instance.Observed{}
	old := side(pause, pause, pause)
	for name, test := range map[string]struct {
		seen Observation
		want State
		was  connect.State
	}{
		"not begun":                   {Observation{Origin: runs, Target: absent}, NotBegun, connect.Running},
		"prepared":                    {Observation{Origin: runs, Target: stopped}, Prepared, connect.Running},
		"half copied":                 {Observation{Origin: stopped, Target: stopped, OriginOffsets: offsets}, HalfCopied, connect.Running},
		"copied":                      {Observation{Origin: stopped, Target: stopped, OriginOffsets: offsets, TargetOffsets: offsets}, Copied, connect.Running},
		"moved":                       {Observation{Origin: stopped, Target: runs}, Moved, connect.Running},
		"accepted":                    {Observation{Origin: absent, Target: runs}, Accepted, connect.Running},
		"running twice":               {Observation{Origin: runs, Target: runs}, RunningTwice, connect.Running},
		"absent":                      {Observation{}, Absent, connect.Running},
		"a copy is being created":     {Observation{Origin: runs, Target: side(connect.Unassigned, stop)}, Unclear, connect.Running},
		"a stopped copy is left":      {Observation{Origin: absent, Target: stopped}, Unclear, connect.Running},
		"tasks left on the target":    {Observation{Origin: stopped, Target: side(stop, stop, connect.Running)}, Unclear, connect.Running},
		"paused, not twice":           {Observation{Origin: side(pause, stop, pause), Target: runs}, Unclear, connect.Running},
		"stopped before, moved":       {Observation{Origin: stopped, Target: marked(stopped, config.WithKeepState, stop)}, Moved, connect.Stopped},
		"left behind by a rollback":   {Observation{Origin: stopped, Target: marked(stopped, config.WithKeepState, config.Idle)}, Prepared, connect.Stopped},
		"in the middle of going back": {Observation{Origin: marked(stopped, config.WithBackState, connect.Running), Target: marked(stopped, config.WithKeepState, config.Idle)}, Copied, connect.Running},
		"old workers, moved":          {Observation{Origin: old, Target: runs}, Moved, connect.Running},
		"old workers, both at rest":   {Observation{Origin: old, Target: old}, Copied, connect.Running},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.seen.State(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if got := test.seen.Was(); got != test.was {
				t.Errorf("was %s, want %s", got, test.was)
			}
		})
	}
}
