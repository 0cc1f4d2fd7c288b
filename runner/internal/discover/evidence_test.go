package discover

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// A cluster without connectors, whose status topic still tells of deleted ones.
func TestJudgeStatusTopicWithLeftovers(t *testing.T) {
	for state, want := range map[string]fit{"UNASSIGNED": maybe, "RUNNING": no, "STOPPED": no} {
		found := contentOf("t", 5, map[string]connect.Listed{},
			[2]string{"status-connector-gone", `{"state":"` + state + `","worker_id":"w:8083","generation":3}`})
		if got := (Evidence{}).status(found); got.fit != want {
			t.Errorf("%s: %+v, want %v", state, got, want)
		}
	}
}
