package neighbours

import (
	"reflect"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

func TestReport(t *testing.T) {
	start := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	record := func(connector string, task int, state connect.State, ms int) internaltopic.Status {
		return internaltopic.Status{Connector: connector, Task: task, State: state, At: start.Add(time.Duration(ms) * time.Millisecond)}
	}
	got := report("europe", []internaltopic.Status{
		record("a", 0, connect.Unassigned, 0), record("a", 1, connect.Unassigned, 10), record("orders", 0, connect.Unassigned, 10),
		record("a", 0, connect.Running, 100), record("orders", 0, connect.Running, 500),
		record("a", 0, connect.Unassigned, 200), record("a", 0, connect.Running, 250), // twice is one task that stood still longer
		record("b", 0, connect.Running, 20), // no end of it was seen
		record("b", internaltopic.OfConnector, connect.Unassigned, 0), record("b", internaltopic.OfConnector, connect.Running, 9000),
		record("c", 0, connect.Unassigned, 0), record("c", 0, "", 50), // its owner stopped it
		record("d", 0, connect.Unassigned, 0), record("d", 0, connect.Running, 400),
	}, func(connector string) bool { return connector == "orders" })
	want := event.Neighbours{Cluster: "europe", Restarted: 2, Unassigned: 1, LongestMS: 400, Tasks: []event.NeighbourTask{
		{Connector: "d", Task: 0, DownMS: 400}, {Connector: "a", Task: 0, DownMS: 150},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
