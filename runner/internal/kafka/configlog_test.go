package kafka

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Who asked for what is in the topic before a worker has followed.
func TestTargetStatesSince(t *testing.T) {
	client, cluster := open(t), labtest.Lab(t).Connect("current")
	log, name := client.ConfigLog(cluster.ConfigTopic()), labtest.Name(t)
	if err := cluster.Run(t.Context(), name, lab.NumberedSource(name, 1, 100)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	begin, err := log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		ask  func(context.Context, string) error
		want []connect.State
	}{
		{func(context.Context, string) error { return nil }, nil},
		{cluster.Client().Pause, []connect.State{connect.Paused}},
		{cluster.Client().Stop, []connect.State{connect.Paused, connect.Stopped}},
		{cluster.Client().Resume, []connect.State{connect.Paused, connect.Stopped, connect.Running}},
		{cluster.Client().Stop, []connect.State{connect.Paused, connect.Stopped, connect.Running, connect.Stopped}},
	} {
		if err := step.ask(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got, err := log.TargetStatesSince(t.Context(), name, begin); err != nil || !slices.Equal(got, step.want) {
			t.Errorf("got %q, want %q, error %v", got, step.want, err)
		}
		if got, err := log.TargetStatesSince(t.Context(), name+"-another", begin); err != nil || got != nil {
			t.Errorf("of another connector: %q, %v", got, err)
		}
	}
}

// A connector that is created after its target state was written begins in it,
// on every version, also on those that know no initial_state.
func TestAConnectorBeginsInTheStateThatWasWritten(t *testing.T) {
	client := open(t)
	for _, test := range []struct {
		cluster string
		state   connect.State
		seen    connect.State // what the worker calls it
	}{
		{"v28", connect.Paused, connect.Paused},
		{"v34", connect.Paused, connect.Paused},
		{"v34", connect.Stopped, connect.Paused}, // which it does not know
		{"v36", connect.Paused, connect.Paused},
		{"v36", connect.Stopped, connect.Stopped},
		{"current", connect.Stopped, connect.Stopped},
	} {
		t.Run(test.cluster+" "+string(test.state), func(t *testing.T) {
			t.Parallel()
			cluster := labtest.Lab(t).Connect(test.cluster)
			log := client.ConfigLog(cluster.ConfigTopic())
			name := labtest.Name(t) + " ü"
			if err := log.SetTargetState(t.Context(), name, test.state); err != nil {
				t.Fatal(err)
			}
			if found, err := log.Connector(t.Context(), name); err != nil || found != (ConfigRecords{State: test.state}) {
				t.Errorf("before it exists: %+v, %v", found, err)
			}
			if err := cluster.Create(t.Context(), name, lab.NumberedSource(labtest.Name(t), 2, 100)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
			awaitStatus(t, cluster, name, func(status connect.Status) bool { return status.Connector.State == test.seen })
			if found, err := log.Connector(t.Context(), name); err != nil || found != (ConfigRecords{Config: true, State: test.state}) {
				t.Errorf("at rest: %+v, %v", found, err)
			}
			// Nothing has run: no task was ever configured, and nothing was written.
			tasks, err := cluster.Client().Tasks(t.Context(), name)
			if err != nil || len(tasks) != 0 {
				t.Errorf("at rest it has tasks %v, %v", tasks, err)
			}
			history, err := client.StatusLog(cluster.StatusTopic()).History(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range history {
				if record.Task != internaltopic.OfConnector || record.State == connect.Running {
					t.Errorf("it was not at rest all the time: %+v", record)
				}
			}
			if err := cluster.Client().Resume(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			awaitStatus(t, cluster, name, func(status connect.Status) bool {
				return status.Connector.State == connect.Running && len(status.Tasks) == 2 && status.AllTasks(connect.Running)
			})
		})
	}
}

func awaitStatus(t *testing.T, cluster *lab.Connect, connector string, is func(connect.Status) bool) {
	t.Helper()
	err := wait.Until(t.Context(), "status of "+connector, time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, connector)
		if err != nil {
			return false, err.Error(), nil // it may not be known yet
		}
		return is(status), string(status.Connector.State), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSetTargetStateRefuses(t *testing.T) {
	client := open(t)
	for name, test := range map[string]struct {
		partitions int32
		policy     string
		state      connect.State
		want       string
	}{
		"partitions": {2, compact, connect.Stopped, "has 2 partitions and so is no config topic"},
		"policy":     {1, "delete", connect.Stopped, `cleanup.policy "delete"`},
		"state":      {1, compact, connect.Failed, "cannot be asked to be FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			topic := newTopic(t, client, test.partitions, map[string]string{"cleanup.policy": test.policy})
			if err := client.ConfigLog(topic).SetTargetState(t.Context(), "x", test.state); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	topic := newTopic(t, client, 1, compacted())
	log := client.ConfigLog(topic)
	for _, state := range []connect.State{connect.Stopped, ""} {
		if err := log.SetTargetState(t.Context(), "x", state); err != nil {
			t.Fatal(err)
		}
		if found, err := log.Connector(t.Context(), "x"); err != nil || found.State != state {
			t.Errorf("wrote %q and read %+v, %v", state, found, err)
		}
	}
}
