package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
)

// run records the steps of one command for one connector.
type Run struct {
	*Mover
	Result event.ConnectorResult
	// about are the instances of the connector: origin and target of a move, or the one
	// instance of a single step.
	about []instance.Instance
	// destination is the cluster that the connector moves to.
	Destination string
	Evidence    *certificate.Evidence // for a certificate; nil if none is asked for
}

// Begin begins the record of a command. connector is the name on the origin.
func (m *Mover) newRun(connector string, about ...instance.Instance) *Run {
	r := &Run{Mover: m, Result: event.ConnectorResult{Connector: connector}, about: about}
	if copied := about[len(about)-1].Name; copied != connector {
		r.Result.TargetConnector = copied
	}
	return r
}

func (m *Mover) newPairRun(request pair.Request, destination string) *Run {
	r := m.newRun(request.Connector, request.From(), request.To())
	r.Destination = destination
	return r
}

// Follow follows who resumes a connector from now on.
func (r *Run) Follow(ctx context.Context, of instance.Instance) resumes.Follower {
	follower, err := resumes.Follow(ctx, of)
	if err != nil {
		r.Note(event.Info, "%s", err)
	}
	return follower
}

// Step runs one step, emits its events and adds it to the result.
func (r *Run) Step(name string, do func() (detail string, err error)) error {
	noted, detail, err := event.RunStep(r.Events, &r.Result, r.Destination, name, do)
	r.Evidence.AddStep(certificate.Step{
		Step: name, Toward: r.Destination, StartedAt: noted.StartedAt, TookMS: noted.TookMS, Detail: event.OneLine(detail), Error: noted.Error,
	})
	return err
}

func (r *Run) Note(level event.Level, format string, arguments ...any) {
	r.Events.Emit(event.Note{Connector: r.Result.Connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}

// End completes the result of a run that succeeded.
func (r *Run) End(outcome event.Outcome, message string) event.ConnectorResult {
	r.Result.Outcome, r.Result.Message = outcome, event.OneLine(message)
	return r.Result
}

// Fail completes the result of a run that failed.
func (r *Run) Fail(ctx context.Context, err error) event.ConnectorResult {
	r.Result.Outcome, r.Result.Message = outcomeOf(ctx, err), event.OneLine(err.Error())
	if r.AddHanging(ctx, err) {
		return r.Result
	}
	if notProven, ok := errors.AsType[*proof.NotProvenError](err); ok && notProven.Err != nil && r.Result.Instructions == "" {
		r.Result.Instructions = "give the task longer with --timeout, or accept that records may be sent again with --allow-duplicates"
	}
	return r.Result
}

// hangingLimit bounds the search for a hanging transaction after a failure, since the
// clusters may be out of reach.
const hangingLimit = 5 * time.Second

// AddHanging adds to the result of a failed run the transaction that hangs on one of the
// clusters, and how to abort it. It returns false if none is known to hang.
func (r *Run) AddHanging(ctx context.Context, err error) bool {
	hanging, ok := errors.AsType[*kafka.HangingError](err)
	if !ok {
		if !slices.Contains([]event.Outcome{event.Down, event.Failed, event.NotProven, event.RolledBack}, r.Result.Outcome) {
			return false
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangingLimit)
		defer cancel()
		at := slices.IndexFunc(r.about, func(side instance.Instance) bool {
			hanging = side.Cluster.Hanging(ctx, side.Name)
			return hanging != nil
		})
		if at < 0 {
			return false
		}
		if said := event.OneLine(hanging.Error()); !strings.Contains(r.Result.Message, said) {
			r.Result.Message += "; on " + r.about[at].On() + ": " + said
		}
	}
	r.Result.Instructions = hanging.Advice()
	return true
}

// RecordStates records where the move stands and the state of both copies.
func (r *Run) RecordStates(observed pair.Observation) {
	r.Result.State = string(observed.State())
	r.Result.OriginState, r.Result.TargetState = observed.Origin.State(), observed.Target.State()
	r.Result.OriginTasks, r.Result.TargetTasks = event.TaskStates(observed.Origin.Status), event.TaskStates(observed.Target.Status)
	if observed.Origin.Exists {
		r.Evidence.KeepOrigin(observed.Origin.Config)
	}
	if observed.Target.Exists {
		r.Evidence.KeepTarget(observed.Target.Config)
	}
}

// ObserveEnd records where the move stands at the end; ok is false if it cannot be read.
func (r *Run) ObserveEnd(ctx context.Context, request pair.Request) (seen pair.Observation, ok bool) {
	seen, err := request.Observe(context.WithoutCancel(ctx), r.Mask)
	if err != nil {
		r.Note(event.Warn, "where the move stands cannot be read: %s", err)
		return seen, false
	}
	r.RecordStates(seen)
	return seen, true
}

// FailObserved is fail after observeEnd.
func (r *Run) FailObserved(ctx context.Context, request pair.Request, err error) event.ConnectorResult {
	r.ObserveEnd(ctx, request)
	return r.Fail(ctx, err)
}
