package internaltopic

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

func TestParseTargetState(t *testing.T) {
	for value, want := range map[string]connect.State{
		`{"state":"STARTED"}`:                      connect.Running, // before 3.5
		`{"state":"PAUSED"}`:                       connect.Paused,
		`{"state":"PAUSED","state.v2":"PAUSED"}`:   connect.Paused,
		`{"state":"PAUSED","state.v2":"STOPPED"}`:  connect.Stopped,
		`{"state":"STARTED","state.v2":"STARTED"}`: connect.Running,
		`{"state":"STARTED","state.v2":null}`:      connect.Running,
		`{"state":"ELSE"}`:                         "",
		`{}`:                                       "",
		`null`:                                     "",
		`x`:                                        "",
	} {
		if got := ParseTargetState([]byte(value)); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	for state, value := range targetStates {
		if got := ParseTargetState([]byte(value)); got != state {
			t.Errorf("%s is written as %s and read as %q", state, value, got)
		}
	}
}
