package config

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Two settings that a resting copy can carry. The clusters are the only ledger, and
// once a connector is stopped they do not tell in which state its copy is to end.
//
// keepStateKey is on the target's copy of a connector that was PAUSED or STOPPED when
// its move began. A stopped copy without it belongs to a move of a connector that
// ran, to be finished; that is the usual case, and it costs nothing while the
// connector stands still. A paused copy loses it at the end of the move, a stopped
// one at `ferry start`. After a rollback the copy that was left behind carries [Idle],
// so that the next move does not take itself for a continued one.
//
// backStateKey is on the origin's copy from the beginning of a rollback to its end.
// It is a setting of its own because an origin may have been the target of an earlier
// move and still carry the other.
const (
	keepStateKey = "ferry.keep.state"
	backStateKey = "ferry.back.state"
)

// Idle marks a stopped copy to which no move belongs.
const Idle connect.State = "IDLE"

// KeepState returns the state in which a move's copy is to end, "" if it is not marked.
func KeepState(config rawjson.Object) connect.State { return connect.State(config.Text(keepStateKey)) }

// BackState returns the state in which a rollback's connector is to end, "" if no
// rollback is under way.
func BackState(config rawjson.Object) connect.State { return connect.State(config.Text(backStateKey)) }

// WithKeepState marks a copy with the state in which it is to end.
func WithKeepState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(keepStateKey, rawjson.String(string(state)))
}

// WithBackState marks an origin's connector with the state in which it is to end.
func WithBackState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(backStateKey, rawjson.String(string(state)))
}

// WithoutMarks returns the config without both marks.
func WithoutMarks(config rawjson.Object) rawjson.Object {
	return config.Without(keepStateKey).Without(backStateKey)
}
