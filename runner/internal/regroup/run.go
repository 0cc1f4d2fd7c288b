package regroup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// run is one command for one regrouping.
type run struct {
	*Regrouper
	request        Request
	origin, target *side
	kind           string // source or sink
	sink           bool
	method         offsetstore.Method
	assigned       []string // partitions that the tasks of the origin had; empty if not known

	// twice says that one of those that are to rest ran for a while beside those that run.
	twice atomic.Pointer[instance.RunningTwiceError]

	result event.ConnectorResult
}

func (g *Regrouper) newRun(request Request) *run {
	r := &run{Regrouper: g, request: request}
	r.result = event.ConnectorResult{Connector: request.Whole, Parts: request.Names()}
	r.origin, r.target = newSide(request.Origin, request.Names()...), newSide(request.Target, request.Whole)
	if request.Form == Split {
		r.origin, r.target = newSide(request.Origin, request.Whole), newSide(request.Target, request.Names()...)
	}
	return r
}

// leased holds the leases on all connectors of a regrouping while do changes them.
func (g *Regrouper) leased(ctx context.Context, command string, request Request, do func(*run, context.Context) event.ConnectorResult) event.ConnectorResult {
	r := g.newRun(request)
	if g.Leases != nil {
		held, err := g.Leases.Take(ctx, command, request.Keys()...)
		if err != nil {
			return r.fail(ctx, err)
		}
		defer held.Release(context.WithoutCancel(ctx))
		for _, side := range []*side{r.origin, r.target} {
			side.cluster = side.cluster.LeaseChecked(held.Check)
			for _, m := range side.members {
				m.Cluster = side.cluster
			}
		}
	}
	g.Events.Emit(event.MoveStarted{Connector: request.Whole, Command: command, Origin: request.Origin.Name, Target: request.Target.Name, At: time.Now()})
	result := do(r, ctx)
	g.Events.Emit(event.MoveEnded{Result: result, At: time.Now()})
	return result
}

// standing is where a regrouping stands.
type standing struct {
	place place
	begun bool
}

// look reads all connectors, and derives where the regrouping stands.
func (r *run) look(ctx context.Context) (standing standing, err error) {
	err = r.step("look", func() (string, error) {
		if err := r.request.refused(); err != nil {
			return "", err
		}
		if err := r.observe(ctx); err != nil {
			return "", err
		}
		for _, m := range append(slices.Clone(r.origin.members), r.target.members...) {
			if m.seen.Exists && m.seen.Status.Type != "" {
				r.kind, r.sink = m.seen.Status.Type, m.seen.Sink()
			}
		}
		standing.place, standing.begun, err = r.place(ctx)
		return string(standing.place), err
	})
	return standing, err
}

// step runs one step, emits its events and adds it to the result.
func (r *run) step(name string, do func() (detail string, err error)) error {
	_, _, err := event.RunStep(r.Events, &r.result, r.request.Target.Name, name, do)
	return err
}

func (r *run) note(level event.Level, format string, arguments ...any) {
	r.Events.Emit(event.Note{Connector: r.request.Whole, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}

// stands records where the regrouping stands: moved, or not begun, with the origin's as before.
func (r *run) stands(state pair.State) {
	r.result.State, r.result.OriginState, r.result.TargetState = string(state), connect.Stopped, connect.Running
	if state == pair.NotBegun {
		r.result.OriginState, r.result.TargetState = connect.Running, ""
	}
}

func (r *run) end(outcome event.Outcome, message string) event.ConnectorResult {
	if twice := r.twice.Load(); twice != nil {
		outcome, message = event.RunningTwice, twice.Reason+"; "+message
	}
	switch outcome { //nolint:exhaustive // of the others it is not known
	case event.Moved:
		r.stands(pair.Moved)
	case event.RolledBack, event.PutBack, event.Ready, event.Rehearsed, event.NotBegun:
		r.stands(pair.NotBegun)
	}
	r.result.Outcome, r.result.Message = outcome, event.OneLine(message)
	return r.result
}

func (r *run) fail(ctx context.Context, err error) event.ConnectorResult {
	return r.end(outcome.Of(ctx, err), err.Error())
}

// The sentences about a regrouping.

func (r *run) sentence() string {
	if r.request.Form == Split {
		return fmt.Sprintf("%s on %s becomes %s on %s", r.request.Whole, r.origin.cluster.Name, r.target.names(everyone), r.target.cluster.Name)
	}
	return fmt.Sprintf("%s on %s become %s on %s", r.origin.names(everyone), r.origin.cluster.Name, r.request.Whole, r.target.cluster.Name)
}

func (r *run) past() string {
	if r.request.Form == Split {
		return fmt.Sprintf("%s is now %s on %s", r.request.Whole, r.target.names(everyone), r.target.cluster.Name)
	}
	return fmt.Sprintf("%s are now %s on %s", r.origin.names(everyone), r.request.Whole, r.target.cluster.Name)
}

func (r *run) where(side *side) string {
	said := fmt.Sprintf("%s on %s", side.names(everyone), side.cluster.Name)
	switch {
	case side.all(runs):
		return said + ", RUNNING"
	case side.any(awake):
		return said + ", of which run: " + cmp.Or(side.names(runs), "none")
	default:
		return said
	}
}

func (r *run) down() string {
	if r.result.DowntimeMS == nil {
		return ""
	}
	return fmt.Sprintf(", down for %d ms", *r.result.DowntimeMS)
}
