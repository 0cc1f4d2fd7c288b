package certificate

import (
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Evidence is what a run keeps of one connector for its certificate. It holds configs and
// offsets, so it goes nowhere but into one. A nil Evidence keeps nothing.
type Evidence struct {
	Command         string // move, rollback or accept
	Connector       string
	TargetConnector string
	Origin, Target  Cluster
	StartedAt       time.Time
	EndedAt         time.Time
	Result          event.ConnectorResult

	steps    []Step
	cutovers []Cutover
	// The configs as they were last seen; nil for one that never was.
	originConfig, targetConfig *rawjson.Object
}

// Cutover is a connector's way from one cluster to the other, as far as it got. A move that
// fails after its start has two: there and back. What is nil or zero was not reached.
type Cutover struct {
	From, To   string // clusters
	Copy       string // how the offsets travelled, see [event.ConnectorResult]
	Proof      *event.Proof
	StillSince time.Time
	Pausing    time.Duration // before that
	RunsSince  time.Time
	RunsOn     string // cluster; From if it was put back
	SentAgain  *int64
	Aligned    int64
	// Final are the proven offsets, Copied those that the other side was given and that were read
	// back, Later those that it had at the end.
	Final, Copied, Later *offset.Document
	LaterAt              time.Time
}

// AddStep keeps a step that has ended.
func (e *Evidence) AddStep(step Step) {
	if e != nil {
		e.steps = append(e.steps, step)
	}
}

// AddCutover keeps a cutover.
func (e *Evidence) AddCutover(cutover Cutover) {
	if e != nil {
		e.cutovers = append(e.cutovers, cutover)
	}
}

// RunsAgain notes that a connector that stood still runs again where it came from.
func (e *Evidence) RunsAgain(on string, at time.Time) {
	if e == nil || len(e.cutovers) == 0 {
		return
	}
	if last := &e.cutovers[len(e.cutovers)-1]; !last.StillSince.IsZero() && last.RunsSince.IsZero() {
		last.RunsOn, last.RunsSince = on, at
	}
}

// KeepOrigin keeps the origin's config, in place of an earlier one.
func (e *Evidence) KeepOrigin(config rawjson.Object) {
	if e != nil {
		e.originConfig = &config
	}
}

// KeepTarget keeps the config of the copy on the target, in place of an earlier one.
func (e *Evidence) KeepTarget(config rawjson.Object) {
	if e != nil {
		e.targetConfig = &config
	}
}

// Due reports whether the run leaves a certificate: it changed something, or found that an
// earlier run had finished, which may have been killed before it left one.
func (e *Evidence) Due() bool {
	finished := slices.Contains([]string{"moved", "accepted"}, e.Result.State)
	return e.Result.Changed || e.Command != "rollback" && e.Result.Outcome == event.Unchanged && finished
}
