// Package campaign carries out a plan: the moves of each wave together, one wave after the
// other, with a gate between them. It decides what is begun and when to stop; package move
// does the moves.
//
// It keeps nothing of its own: where each move stands is derived from the clusters, so a
// campaign that was killed anywhere goes on when it is run again.
package campaign

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
)

// Mover moves single connectors, as move.Mover does.
type Mover interface {
	Check(context.Context, pair.Request) event.ConnectorResult
	Move(context.Context, pair.Request) event.ConnectorResult
	Prepare(context.Context, pair.Request) event.ConnectorResult
	Rehearse(context.Context, pair.Request) event.ConnectorResult
}

// Regrouper makes one connector of several, and several of one, as regroup.Regrouper does.
type Regrouper interface {
	Check(context.Context, regroup.Request) event.ConnectorResult
	Regroup(context.Context, regroup.Request) event.ConnectorResult
	Prepare(context.Context, regroup.Request) event.ConnectorResult
	Rehearse(context.Context, regroup.Request) event.ConnectorResult
}

// Mode is how far the moves go.
type Mode string

// The modes.
const (
	Move     Mode = "move"
	Prepare  Mode = "prepared"  // hold right before the cut
	Rehearse Mode = "rehearsed" // as Prepare, and undo it
)

// Campaign is a plan, and what of it is to be done.
type Campaign struct {
	Plan plan.Plan
	// Clusters are those that the plan names, by their names.
	Clusters map[string]*cluster.Cluster
	Mover    Mover
	// Regrouper may be nil for a plan that regroups nothing.
	Regrouper Regrouper
	Mode      Mode
	Wave      int      // only this wave; 0 for all
	Only      []string // only these connectors, by their names on the origin; empty for all
	// Gate stops the campaign; give its BeforeCut to the Mover.
	Gate *Gate
	// Slots bounds the connectors that are worked on at a time.
	Slots  *Slots
	Events event.Recorder
	// Command is how a campaign of this plan is run, for the next command in messages.
	Command string
}

// SelectionError says that the plan does not have what was asked for.
type SelectionError struct{ Reason string }

func (e *SelectionError) Error() string { return e.Reason }

// Selected returns the moves that were asked for, in the order of their waves.
func (c Campaign) Selected() ([]plan.Move, error) {
	if c.Wave != 0 && !slices.ContainsFunc(c.Plan.Waves, func(wave plan.Wave) bool { return wave.Wave == c.Wave }) {
		return nil, &SelectionError{fmt.Sprintf("the plan has no wave %d, it has %s", c.Wave, waves(c.Plan))}
	}
	var unknown []string
	for _, name := range c.Only {
		if !slices.ContainsFunc(c.Plan.Moves, func(move plan.Move) bool { return move.Connector == name }) {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, &SelectionError{"the plan does not move " + strings.Join(unknown, ", ")}
	}
	var selected []plan.Move
	for _, wave := range c.Plan.Waves {
		for _, move := range c.Plan.Moves {
			if move.Wave == wave.Wave && (c.Wave == 0 || c.Wave == wave.Wave) && (len(c.Only) == 0 || slices.Contains(c.Only, move.Connector)) {
				selected = append(selected, move)
			}
		}
	}
	if len(selected) == 0 && len(c.Only) > 0 {
		return nil, &SelectionError{fmt.Sprintf("wave %d moves none of %s", c.Wave, strings.Join(c.Only, ", "))}
	}
	return selected, nil
}

func waves(of plan.Plan) string {
	switch count := len(of.Waves); count {
	case 0:
		return "none"
	case 1:
		return "wave 1 only"
	default:
		return fmt.Sprintf("the waves 1 to %d", count)
	}
}

// Result is what came of a campaign.
type Result struct {
	Connectors []event.ConnectorResult // of the selected moves, in the order of their waves
	Message    string                  // a sentence about the whole, with the next command
}

// Run carries the plan out. It returns a
// [SelectionError], a [plan.OutdatedError], or what kept it from reading the clusters; then
// nothing was changed. A move that the plan or a blackout window forbids changes nothing
// either: it is refused, and the others are not begun.
func (c Campaign) Run(ctx context.Context) (Result, error) {
	selected, err := c.Selected()
	if err != nil {
		return Result{}, err
	}
	requests, unplanned, err := c.Plan.Verify(ctx, c.Clusters, selected)
	if err != nil {
		return Result{}, err
	}
	if len(unplanned) > 0 {
		c.note(event.Warn, "%s came to %s since the plan was made, and will not be touched", event.Abbreviated(unplanned), c.Plan.Origin.Name)
	}
	for i, move := range selected {
		requests[i].Planned = &pair.Planned{State: move.State, ConfigSHA256: move.ConfigSHA256, CopySHA256: move.CopySHA256}
	}
	r := &running{Campaign: c, moves: selected, requests: requests, results: make([]event.ConnectorResult, len(selected))}
	for i, move := range selected {
		r.results[i] = event.ConnectorResult{Connector: move.Connector, Wave: move.Wave}
		if move.Regroup != nil {
			r.results[i].Parts = move.Regroup.Names()
		}
		if move.TargetConnector != move.Connector {
			r.results[i].TargetConnector = move.TargetConnector
		}
	}
	if r.refuse(0, len(selected), time.Now()) {
		r.forbidden = true
	} else {
		r.run(ctx)
	}
	return Result{Connectors: r.results, Message: r.summary()}, nil
}

func (c Campaign) note(level event.Level, format string, arguments ...any) {
	c.Events.Emit(event.Note{Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}
