package internaltopic

import (
	"strings"
	"testing"
)

func TestParseStatus(t *testing.T) {
	for key, want := range map[string]Status{
		"status-task-a-0":          {Connector: "a", Task: 0, State: "UNASSIGNED", WorkerID: "w:8083", Generation: 7},
		"status-task-a-1-12":       {Connector: "a-1", Task: 12, State: "UNASSIGNED", WorkerID: "w:8083", Generation: 7},
		"status-connector-a b/ü-3": {Connector: "a b/ü-3", Task: OfConnector, State: "UNASSIGNED", WorkerID: "w:8083", Generation: 7},
	} {
		got, ok := ParseStatus([]byte(key), []byte(`{"state":"UNASSIGNED","trace":null,"worker_id":"w:8083","generation":7}`))
		if !ok || got != want {
			t.Errorf("%s: got %+v, %v", key, got, ok)
		}
		tombstone, ok := ParseStatus([]byte(key), nil)
		if !ok || tombstone.State != "" || tombstone.Connector != want.Connector {
			t.Errorf("%s: tombstone read as %+v, %v", key, tombstone, ok)
		}
	}
	for _, key := range []string{"", "status-task-a", "status-task-a-x", "status-task-a--1x", "status-topic-t:connector-a", "config-a"} {
		if got, ok := ParseStatus([]byte(key), []byte(`{"state":"RUNNING"}`)); ok {
			t.Errorf("%q read as %+v", key, got)
		}
	}
	for _, value := range []string{"{", "[]", `{"state":3}`, "{}"} {
		if got, ok := ParseStatus([]byte("status-task-a-0"), []byte(value)); ok {
			t.Errorf("value %q read as %+v", value, got)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("status-task-a-0", `{"state":"RUNNING","worker_id":"w","generation":1}`)
	f.Fuzz(func(t *testing.T, key, value string) {
		record, ok := ParseStatus([]byte(key), []byte(value))
		if ok && !strings.Contains(key, record.Connector) {
			t.Fatalf("connector %q is not in key %q", record.Connector, key)
		}
	})
}
