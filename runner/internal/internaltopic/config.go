package internaltopic

import (
	"encoding/json"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

const (
	connectorConfigPrefix = "connector-"
	targetStatePrefix     = "target-state-"
)

// ConfigOf returns the connector whose config is under a key.
func ConfigOf(key []byte) (connector string, ok bool) {
	return strings.CutPrefix(string(key), connectorConfigPrefix)
}

// TargetStateOf returns the connector whose target state is under a key.
func TargetStateOf(key []byte) (connector string, ok bool) {
	return strings.CutPrefix(string(key), targetStatePrefix)
}

// TargetStateKey returns the key of a connector's target state.
func TargetStateKey(connector string) []byte { return []byte(targetStatePrefix + connector) }

// targetStates are target states as Connect writes them since 3.5
// (KafkaConfigBackingStore.serializeTargetState). Workers before it read only
// "state" and leave the rest alone, so that the record is right for all; a
// STOPPED one they take for PAUSED.
var targetStates = map[connect.State]string{
	connect.Running: `{"state":"STARTED","state.v2":"STARTED"}`,
	connect.Paused:  `{"state":"PAUSED","state.v2":"PAUSED"}`,
	connect.Stopped: `{"state":"PAUSED","state.v2":"STOPPED"}`,
}

// TargetState returns the value of a target state record; ok is false for a state that
// a connector cannot be asked for.
func TargetState(state connect.State) (value []byte, ok bool) {
	text, ok := targetStates[state]
	return []byte(text), ok
}

// ParseTargetState reads the value of a target state record as a worker since
// 3.5 does; "" is a tombstone or nothing that a worker would understand.
func ParseTargetState(value []byte) connect.State {
	var content struct {
		State string `json:"state"`
		V2    string `json:"state.v2"`
	}
	if value == nil || json.Unmarshal(value, &content) != nil {
		return ""
	}
	state := content.V2
	if state == "" {
		state = content.State
	}
	switch state {
	case "STARTED":
		return connect.Running
	case "PAUSED":
		return connect.Paused
	case "STOPPED":
		return connect.Stopped
	default:
		return ""
	}
}
