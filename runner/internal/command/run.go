package command

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

// Run is the record of one command on one connector. It is used by one goroutine at a time,
// except for Note.
type Run struct {
	*Setup
	// Result is what the command will return. [Run.Step] adds to it, [Run.End] and [Run.Fail] complete it.
	Result event.ConnectorResult
	// Destination is the cluster that the connector moves to at present, "" if to none.
	Destination string
	// Evidence is kept for a certificate; nil if none is asked for.
	Evidence *certificate.Evidence

	// about are the instances of the connector: origin and target of a move, or the one
	// instance of a single step.
	about []instance.Instance
}

// Begin begins the record of a command about one or more instances of a connector. connector is
// its name in the result: that on the origin.
func (s *Setup) Begin(connector string, about ...instance.Instance) *Run {
	r := &Run{Setup: s, Result: event.ConnectorResult{Connector: connector}, about: about}
	if copied := about[len(about)-1].Name; copied != connector {
		r.Result.TargetConnector = copied
	}
	return r
}

// BeginPair begins the record of a command about a connector on origin and target.
func (s *Setup) BeginPair(request pair.Request, destination string) *Run {
	r := s.Begin(request.Connector, request.From(), request.To())
	r.Destination = destination
	return r
}

// Follow follows who resumes a connector from now on. Where that cannot be followed, the result
// follows nothing, and a note says why.
func (r *Run) Follow(ctx context.Context, of instance.Instance) resumes.Follower {
	follower, err := resumes.Follow(ctx, of)
	if err != nil {
		r.Note(event.Info, "%s", err)
	}
	return follower
}

// Step runs one step, emits its events and adds it to the result. It returns the error of the step.
func (r *Run) Step(name string, do func() (detail string, err error)) error {
	noted, detail, err := event.RunStep(r.Events, &r.Result, r.Destination, name, do)
	r.Evidence.AddStep(certificate.Step{
		Step: name, Toward: r.Destination, StartedAt: noted.StartedAt, TookMS: noted.TookMS, Detail: event.OneLine(detail), Error: noted.Error,
	})
	return err
}

// Note tells a sentence about the connector while the command runs.
func (r *Run) Note(level event.Level, format string, arguments ...any) {
	r.Events.Emit(event.Note{Connector: r.Result.Connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}

// End completes the result of a run that did what it could: its outcome, and a sentence.
func (r *Run) End(outcome event.Outcome, message string) event.ConnectorResult {
	r.Result.Outcome, r.Result.Message = outcome, event.OneLine(message)
	return r.Result
}

// Fail completes the result of a run that an error ended, and advises what to do where that is
// known. ctx is that of the run: it tells whether it was interrupted.
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
// clusters, and how to abort it, see [kafka.HangingError]. It returns false if none is known to
// hang.
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

// FailObserved is [Run.Fail] after [Run.ObserveEnd].
func (r *Run) FailObserved(ctx context.Context, request pair.Request, err error) event.ConnectorResult {
	r.ObserveEnd(ctx, request)
	return r.Fail(ctx, err)
}
