package pair

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// State is where the move of a connector stands.
type State string

// The states, each with what the connector does on the origin, on the target.
const (
	NotBegun     State = "not_begun"     // runs, absent
	Prepared     State = "prepared"      // runs, stopped without tasks
	HalfCopied   State = "half_copied"   // stopped, stopped, offsets differ
	Copied       State = "copied"        // stopped, stopped, offsets equal
	Moved        State = "moved"         // stopped, runs
	Accepted     State = "accepted"      // absent, runs
	RunningTwice State = "running_twice" // runs, runs; neither is paused
	Absent       State = "absent"        // absent, absent
	Unclear      State = "unclear"       // anything else, such as absent, stopped
)

// Finished reports whether a move has no steps left.
func (s State) Finished() bool { return s == Moved || s == Accepted }

// Observation is what both clusters say of one connector.
type Observation struct {
	Origin, Target instance.Observed
	// OriginOffsets and TargetOffsets are set only if both connectors are at rest.
	OriginOffsets, TargetOffsets offset.Document
	// Translated is set for a sink at rest on two Kafka clusters if the target's offsets
	// are a translation of the origin's; else nil.
	Translated *mirror.Translation
}

// Back swaps origin and target, for a rollback. It leaves the offsets out.
func (o Observation) Back() Observation { return Observation{Origin: o.Target, Target: o.Origin} }

// State derives where the move stands.
func (o Observation) State() State {
	switch {
	case !o.Origin.Exists && !o.Target.Exists:
		return Absent
	case !o.Target.Exists:
		return NotBegun
	case !o.Origin.Exists && (o.Target.Active() || o.endsStopped()):
		return Accepted
	case o.Origin.Active() && o.Target.Active() && !o.beingCreated() && o.Origin.State() != connect.Paused && o.Target.State() != connect.Paused:
		return RunningTwice
	case o.Origin.Active() && o.Target.AtRest():
		return Prepared
	case o.Origin.AtRest() && o.Target.Active():
		return Moved
	case o.Origin.AtRest() && o.Target.AtRest():
		return o.bothAtRest()
	default:
		return Unclear
	}
}

// beingCreated reports whether no worker has taken the copy on yet: it may be about to rest.
func (o Observation) beingCreated() bool {
	target := o.Target
	return target.State() == connect.Unassigned && len(target.Tasks) == 0 && len(target.Status.Tasks) == 0
}

// endsStopped reports whether the copy is where it must end: its origin was stopped.
func (o Observation) endsStopped() bool {
	return o.Target.AtRest() && config.KeepState(o.Target.Config) == connect.Stopped && !config.IsPreliminary(o.Target.Config)
}

// OriginDeleted reports whether only the stopped copy of an unfinished move is left.
func (o Observation) OriginDeleted() bool {
	return !o.Origin.Exists && o.Target.AtRest() && !o.endsStopped() && !o.TargetIdle() && !o.TargetWaits()
}

// TargetIdle reports whether the copy belongs to no move.
func (o Observation) TargetIdle() bool { return config.KeepState(o.Target.Config) == config.Idle }

// TargetWaits reports whether the copy was prepared and the cut not begun: nothing of the move
// has touched the origin.
func (o Observation) TargetWaits() bool {
	marked := config.KeepState(o.Target.Config)
	return marked == config.Held || marked == config.Rehearsal
}

// LooksMoved reports whether the target has the config of the origin, and no mark says that its
// move is not finished or that a rollback was begun. What runs in both clusters on purpose, each
// for itself, differs in some setting; so does a copy that was moved with other settings.
func (o Observation) LooksMoved() bool {
	origin, target := config.WithoutMarks(o.Origin.Config), config.WithoutMarks(o.Target.Config)
	return config.KeepState(o.Target.Config) == "" && !config.IsPreliminary(o.Target.Config) && config.BackState(o.Origin.Config) == "" &&
		len(config.Differing(origin.Without("name"), target.Without("name"))) == 0
}

// TargetDeleted reports whether only the stopped connector of an unfinished rollback is left.
func (o Observation) TargetDeleted() bool {
	return !o.Target.Exists && o.Origin.AtRest() && config.BackState(o.Origin.Config) != ""
}

// bothAtRest derives the state of a move from the marks and offsets of two connectors at
// rest.
func (o Observation) bothAtRest() State {
	equal := o.Translated != nil || offset.Equal(o.OriginOffsets, o.TargetOffsets)
	switch marked := config.KeepState(o.Target.Config); {
	case (o.TargetIdle() || o.TargetWaits()) && config.BackState(o.Origin.Config) == "":
		return Prepared
	case marked == connect.Stopped && equal, marked == connect.Paused && o.Target.Rest == connect.Paused && equal:
		return Moved
	case equal:
		return Copied
	default:
		return HalfCopied
	}
}

// TargetAhead reports whether the target's offsets are known to be further than the
// origin's: its copy ran. OriginAhead is the reverse. Neither is true for offsets whose
// order is not known.
func (o Observation) TargetAhead() bool { return o.ahead(o.TargetOffsets, o.OriginOffsets) }

// OriginAhead is described at [Observation.TargetAhead].
func (o Observation) OriginAhead() bool { return o.ahead(o.OriginOffsets, o.TargetOffsets) }

func (o Observation) ahead(further, behind offset.Document) bool {
	kind := family.For(o.Origin.Config)
	return !o.Origin.Sink() && len(kind.Regressed(further, behind)) > 0 && len(kind.Regressed(behind, further)) == 0
}

// RollingBack reports whether a rollback was begun and not finished.
func (o Observation) RollingBack() bool {
	return o.Origin.AtRest() && o.Target.Exists && config.BackState(o.Origin.Config) != ""
}

// Was is the connector's state before the move, in which its copy must end. If the
// connector rests and its copy waits unmarked, an earlier run of this move stopped it.
func (o Observation) Was() connect.State {
	from := o.Origin.State()
	if from != connect.Paused && from != connect.Stopped {
		return connect.Running
	}
	if marked := config.BackState(o.Origin.Config); marked != "" {
		return marked // a rollback that was killed
	}
	if !o.Target.Exists || o.TargetIdle() || o.TargetWaits() {
		return from
	}
	if marked := config.KeepState(o.Target.Config); marked != "" {
		return marked
	}
	return connect.Running
}

// WasOnTarget is the state of a moved connector, in which it must end after a rollback.
func (o Observation) WasOnTarget() connect.State {
	if marked := config.BackState(o.Origin.Config); marked != "" {
		return marked
	}
	if o.Target.AtRest() && config.KeepState(o.Target.Config) == connect.Stopped {
		return connect.Stopped
	}
	if o.Target.State() == connect.Paused {
		return connect.Paused
	}
	return connect.Running
}
