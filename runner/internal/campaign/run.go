package campaign

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
)

// running is a campaign while it runs. moves, requests and results belong together, by their
// index; those of a wave are next to each other.
type running struct {
	Campaign
	moves    []plan.Move
	requests []plan.Request
	results  []event.ConnectorResult
	// forbidden says that the plan itself refuses what was asked for.
	forbidden bool
}

func (r *running) run(ctx context.Context) {
	for first, last := range r.waves() {
		r.wave(ctx, first, last)
		if reason := r.Gate.closed(ctx); reason != "" {
			r.notBegun(ctx, last, len(r.moves), reason)
			return
		}
	}
}

// waves returns where the moves of each wave begin and end.
func (r *running) waves() iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for first, last := 0, 0; first < len(r.moves); first = last {
			for last < len(r.moves) && r.moves[last].Wave == r.moves[first].Wave {
				last++
			}
			if !yield(first, last) {
				return
			}
		}
	}
}

// wave does the moves of one wave. If a check refuses one of them, or a blackout window has
// begun, it begins none.
func (r *running) wave(ctx context.Context, first, last int) {
	number := r.moves[first].Wave
	if r.refuse(first, last, time.Now()) {
		r.Gate.close(fmt.Sprintf("wave %d was refused", number))
		return
	}
	r.note(event.Info, "wave %d of %d: %s", number, len(r.Plan.Waves), plan.Connectors(last-first))
	do, done := r.by(Mover.Move, Regrouper.Regroup), "done"
	switch r.Mode {
	case Rehearse: // of every move, whatever comes of the others
		r.each(ctx, first, last, "rehearsed", r.by(Mover.Rehearse, Regrouper.Rehearse))
		return
	case Prepare:
		do, done = r.by(Mover.Prepare, Regrouper.Prepare), "prepared"
	case Move:
	}
	r.each(ctx, first, last, checked, r.by(Mover.Check, Regrouper.Check))
	if !r.checksRefuse(ctx, first, last) {
		r.each(ctx, first, last, done, do)
	}
}

// work is done for one move of a plan.
type work func(context.Context, plan.Request) event.ConnectorResult

// by has the Mover do something for a connector, or, where the number of connectors changes, the
// Regrouper.
func (r *running) by(single func(Mover, context.Context, pair.Request) event.ConnectorResult,
	several func(Regrouper, context.Context, regroup.Request) event.ConnectorResult,
) work {
	return func(ctx context.Context, request plan.Request) event.ConnectorResult {
		if request.Regroup != nil {
			return several(r.Regrouper, ctx, *request.Regroup)
		}
		return single(r.Mover, ctx, request.Request)
	}
}

// checked is what is told of connectors that are only checked.
const checked = "checked"

// refuse refuses the moves that the plan or a blackout window forbids, and leaves the others
// alone. It reports whether there are any.
func (r *running) refuse(first, last int, now time.Time) bool {
	reasons := make([]string, len(r.moves))
	any := false
	for i := first; i < last; i++ {
		move := r.moves[i]
		said := append([]string{}, move.Reasons...)
		if window := blackout(move, now); window != "" && r.Mode == Move {
			said = append(said, window)
		}
		reasons[i] = strings.Join(said, " | ")
		any = any || len(said) > 0
	}
	if !any {
		return false
	}
	for i := first; i < last; i++ {
		if reasons[i] == "" {
			r.leave(i, "since others of the plan must not be moved")
			continue
		}
		r.results[i].Outcome, r.results[i].Message = event.Refused, reasons[i]
		r.results[i].Instructions = "correct what refuses it, or let it stay, and make the plan anew; or leave it out with --wave or --only"
	}
	return true
}

// checksRefuse reports whether a check speaks against a move of the wave; then none is begun.
func (r *running) checksRefuse(ctx context.Context, first, last int) bool {
	refused := 0
	for i := first; i < last; i++ {
		if r.results[i].Outcome.Bad() {
			refused++
		}
	}
	if refused == 0 {
		return false
	}
	reason := fmt.Sprintf("wave %d was not begun, since checks refuse %s of it", r.moves[first].Wave, plan.Connectors(refused))
	for i := first; i < last; i++ {
		if r.results[i].Outcome == event.Ready {
			r.leave(i, "since checks refuse others of its wave")
		}
	}
	r.Gate.close(reason)
	return true
}

// each does the same for the connectors of a wave, several at a time, until the gate closes.
func (r *running) each(ctx context.Context, first, last int, done string, do work) {
	told := plan.NewProgress(r.Events, done, last-first)
	names := make([]string, last-first)
	for i := range names {
		names[i] = r.moves[first+i].Connector
	}
	r.Slots.Each(ctx, names, func(i int, _ bool) {
		i += first
		if reason := r.Gate.closed(ctx); reason != "" {
			r.notBegun(ctx, i, i+1, reason)
			return
		}
		result := Recovered(r.moves[i].Connector, func() event.ConnectorResult { return do(ctx, r.requests[i]) })
		result.Wave = r.moves[i].Wave
		r.results[i] = result
		if done != checked && r.Mode != Rehearse {
			r.Gate.ended(result)
		}
		told.One()
	})
}

// Recovered does something for one connector, and keeps a fault of ferry from ending what is
// done for others.
func Recovered(connector string, do func() event.ConnectorResult) event.ConnectorResult {
	result, err := func() (result event.ConnectorResult, err error) {
		defer crash.Catch(&err)
		return do(), nil
	}()
	if err != nil {
		return event.CrashResult(connector, err)
	}
	return result
}

// notBegun says of moves that they were left alone.
func (r *running) notBegun(ctx context.Context, first, last int, reason string) {
	for i := first; i < last; i++ {
		if ctx.Err() != nil {
			r.results[i].Outcome, r.results[i].Message = event.Interrupted, "not begun: "+context.Cause(ctx).Error()
			continue
		}
		r.leave(i, "since "+reason)
	}
}

func (r *running) leave(i int, why string) {
	r.results[i].Outcome, r.results[i].Message = event.NotBegun, "not begun, "+why
}
