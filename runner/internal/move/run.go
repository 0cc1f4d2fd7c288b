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
type run struct {
	*Mover
	result event.ConnectorResult
	// about are the instances of the connector: origin and target of a move, or the one
	// instance of a single step.
	about []instance.Instance
	// destination is the cluster that the connector moves to.
	destination string
	kept        *certificate.Evidence // for a certificate; nil if none is asked for
}

// newRun begins the record of a command. connector is the name on the origin.
func (m *Mover) newRun(connector string, about ...instance.Instance) *run {
	r := &run{Mover: m, result: event.ConnectorResult{Connector: connector}, about: about}
	if copied := about[len(about)-1].Name; copied != connector {
		r.result.TargetConnector = copied
	}
	return r
}

func (m *Mover) newPairRun(request pair.Request, destination string) *run {
	r := m.newRun(request.Connector, request.From(), request.To())
	r.destination = destination
	return r
}

// follow follows who resumes a connector from now on.
func (r *run) follow(ctx context.Context, of instance.Instance) resumes.Follower {
	follower, err := resumes.Follow(ctx, of)
	if err != nil {
		r.note(event.Info, "%s", err)
	}
	return follower
}

// step runs one step, emits its events and adds it to the result.
func (r *run) step(name string, do func() (detail string, err error)) error {
	noted, detail, err := event.RunStep(r.Events, &r.result, r.destination, name, do)
	r.kept.AddStep(certificate.Step{
		Step: name, Toward: r.destination, StartedAt: noted.StartedAt, TookMS: noted.TookMS, Detail: event.OneLine(detail), Error: noted.Error,
	})
	return err
}

func (r *run) note(level event.Level, format string, arguments ...any) {
	r.Events.Emit(event.Note{Connector: r.result.Connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}

// end completes the result of a run that succeeded.
func (r *run) end(outcome event.Outcome, message string) event.ConnectorResult {
	r.result.Outcome, r.result.Message = outcome, event.OneLine(message)
	return r.result
}

// fail completes the result of a run that failed.
func (r *run) fail(ctx context.Context, err error) event.ConnectorResult {
	r.result.Outcome, r.result.Message = outcomeOf(ctx, err), event.OneLine(err.Error())
	if r.addHanging(ctx, err) {
		return r.result
	}
	if notProven, ok := errors.AsType[*proof.NotProvenError](err); ok && notProven.Err != nil && r.result.Instructions == "" {
		r.result.Instructions = "give the task longer with --timeout, or accept that records may be sent again with --allow-duplicates"
	}
	return r.result
}

// hangingLimit bounds the search for a hanging transaction after a failure, since the
// clusters may be out of reach.
const hangingLimit = 5 * time.Second

// addHanging adds to the result of a failed run the transaction that hangs on one of the
// clusters, and how to abort it. It returns false if none is known to hang.
func (r *run) addHanging(ctx context.Context, err error) bool {
	hanging, ok := errors.AsType[*kafka.HangingError](err)
	if !ok {
		if !slices.Contains([]event.Outcome{event.Down, event.Failed, event.NotProven, event.RolledBack}, r.result.Outcome) {
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
		if said := event.OneLine(hanging.Error()); !strings.Contains(r.result.Message, said) {
			r.result.Message += "; on " + r.about[at].On() + ": " + said
		}
	}
	r.result.Instructions = hanging.Advice()
	return true
}

// recordStates records where the move stands and the state of both copies.
func (r *run) recordStates(observed pair.Observation) {
	r.result.State = string(observed.State())
	r.result.OriginState, r.result.TargetState = observed.Origin.State(), observed.Target.State()
	r.result.OriginTasks, r.result.TargetTasks = event.TaskStates(observed.Origin.Status), event.TaskStates(observed.Target.Status)
	if observed.Origin.Exists {
		r.kept.KeepOrigin(observed.Origin.Config)
	}
	if observed.Target.Exists {
		r.kept.KeepTarget(observed.Target.Config)
	}
}

// observeEnd records where the move stands at the end; ok is false if it cannot be read.
func (r *run) observeEnd(ctx context.Context, request pair.Request) (seen pair.Observation, ok bool) {
	seen, err := request.Observe(context.WithoutCancel(ctx), r.Mask)
	if err != nil {
		r.note(event.Warn, "where the move stands cannot be read: %s", err)
		return seen, false
	}
	r.recordStates(seen)
	return seen, true
}

// failObserved is fail after observeEnd.
func (r *run) failObserved(ctx context.Context, request pair.Request, err error) event.ConnectorResult {
	r.observeEnd(ctx, request)
	return r.fail(ctx, err)
}
