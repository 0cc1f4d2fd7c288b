package config

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// The marks are settings that a connector at rest can carry. The clusters are the
// only ledger, and once a connector is stopped they do not show in which state its copy
// must end.
//
// keepStateKey is on the target's copy of a connector that was PAUSED or STOPPED when its
// move began. A stopped copy without it belongs to the unfinished move of a connector
// that ran: the usual case needs no mark and so costs no downtime. The mark is removed
// from a paused copy at the end of the move, from a stopped one by `ferry start`. After a
// rollback the copy left on the target carries [Idle], so that the next move begins anew.
//
// backStateKey is on the origin's copy from the beginning to the end of a rollback. It is
// a separate setting because an origin may have been the target of an earlier move and
// still carry the other mark.
//
// offsetsKey is on the target's copy until its offsets are the origin's final ones. Up to
// then it has none, or those of a rehearsal: started, it would send records again. The mark
// tells that even when the origin is gone.
const (
	keepStateKey = "ferry.keep.state"
	backStateKey = "ferry.back.state"
	offsetsKey   = "ferry.offsets"
)

const preliminary = "PRELIMINARY"

// Idle marks a stopped copy that is part of no move. Held marks one that waits for its cut, and
// Rehearsal one that is about to be removed: up to the cut the origin is not ferry's, and may
// be stopped by anybody for good.
const (
	Idle      connect.State = "IDLE"
	Held      connect.State = "HELD"
	Rehearsal connect.State = "REHEARSAL"
)

// KeepState returns the state in which a move's copy must end, "" if it is not marked.
func KeepState(config rawjson.Object) connect.State { return connect.State(config.Text(keepStateKey)) }

// BackState returns the state in which the connector must end after a rollback, "" if
// none is in progress.
func BackState(config rawjson.Object) connect.State { return connect.State(config.Text(backStateKey)) }

// WithKeepState marks a copy with the state in which it must end.
func WithKeepState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(keepStateKey, rawjson.String(string(state)))
}

// WithBackState marks an origin's connector with the state in which it must end.
func WithBackState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(backStateKey, rawjson.String(string(state)))
}

// IsPreliminary reports whether a copy is marked as one that does not have the origin's
// final offsets.
func IsPreliminary(config rawjson.Object) bool { return config.Text(offsetsKey) == preliminary }

// Preliminary marks a copy that does not have the origin's final offsets yet.
func Preliminary(config rawjson.Object) rawjson.Object {
	return config.With(offsetsKey, rawjson.String(preliminary))
}

// A change of marks is a patch for [connect.Client.PatchConfig]: it names marks only, so that
// it does not matter whether the config that a worker shows is up to date.

// ChangeKeep marks a copy with the state in which it must end.
func ChangeKeep(state connect.State) rawjson.Object { return WithKeepState(rawjson.Object{}, state) }

// ChangeBack marks an origin's connector with the state in which it must end.
func ChangeBack(state connect.State) rawjson.Object { return WithBackState(rawjson.Object{}, state) }

// ChangeToPreliminary marks a connector at rest as one whose offsets are not the final ones.
func ChangeToPreliminary() rawjson.Object { return Preliminary(rawjson.Object{}) }

// ChangeToFinal removes the mark of [Preliminary].
func ChangeToFinal() rawjson.Object { return rawjson.Object{}.With(offsetsKey, rawjson.Null) }

// ChangeToNone removes all marks.
func ChangeToNone() rawjson.Object {
	return ChangeToFinal().With(keepStateKey, rawjson.Null).With(backStateKey, rawjson.Null)
}

// IsChanged reports whether the config has the marks as the change makes them.
func IsChanged(config, change rawjson.Object) bool {
	return rawjson.Equal(config.Patched(change).Value(), config.Value())
}

// WithoutMarks returns the config without marks.
func WithoutMarks(config rawjson.Object) rawjson.Object {
	return config.Without(keepStateKey).Without(backStateKey).Without(offsetsKey)
}
