package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// run records the steps of one command for one connector.
type run struct {
	*Mover
	result event.ConnectorResult
	// about are the instances of the connector that the command is about: both of a
	// move's, or the one of a single step.
	about []instance.Instance
	// toward is the cluster that the connector is on its way to.
	toward string
}

// newRun begins the record of a command about a connector, as it is called where it
// came from.
func (m *Mover) newRun(connector string, about ...instance.Instance) *run {
	r := &run{Mover: m, result: event.ConnectorResult{Connector: connector}, about: about}
	if copied := about[len(about)-1].Name; copied != connector {
		r.result.TargetConnector = copied
	}
	return r
}

func (m *Mover) newPairRun(request pair.Request, toward string) *run {
	r := m.newRun(request.Connector, request.From(), request.To())
	r.toward = toward
	return r
}

// step runs one step, tells about it, and notes it in the result.
func (r *run) step(name string, do func() (detail string, err error)) error {
	started := time.Now()
	r.Events.Emit(event.StepStarted{Connector: r.result.Connector, Step: name, Toward: r.toward, At: started})
	detail, err := recovered(do)
	took := time.Since(started)
	r.Events.Emit(event.StepEnded{Connector: r.result.Connector, Step: name, Toward: r.toward, At: time.Now(), Took: took, Detail: detail, Err: err})
	noted := event.Step{Step: name, StartedAt: started.UTC(), TookMS: took.Milliseconds()}
	if err != nil {
		noted.Error = event.OneLine(err.Error())
		if r.result.FailedAt == "" {
			r.result.FailedAt = name
		}
	}
	r.result.Steps = append(r.result.Steps, noted)
	return err
}

// recovered makes a panic the error of a step, so that what was begun is put back.
func recovered(do func() (string, error)) (detail string, err error) {
	defer crash.Catch(&err)
	return do()
}

func (r *run) note(level event.Level, format string, arguments ...any) {
	r.Events.Emit(event.Note{Connector: r.result.Connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}

// end fills the result of a run that ended well.
func (r *run) end(outcome event.Outcome, message string) event.ConnectorResult {
	r.result.Outcome, r.result.Message = outcome, event.OneLine(message)
	return r.result
}

// fail fills the result of a run that did not.
func (r *run) fail(ctx context.Context, err error) event.ConnectorResult {
	r.result.Outcome, r.result.Message = outcomeOf(ctx, err), event.OneLine(err.Error())
	if r.toldHanging(ctx, err) {
		return r.result
	}
	if notProven, ok := errors.AsType[*proof.NotProvenError](err); ok && notProven.Err != nil && r.result.Instructions == "" {
		r.result.Instructions = "give the task longer with --timeout, or accept that records may be sent again with --allow-duplicates"
	}
	return r.result
}

// hangingLimit bounds the look for what may have made a run fail, as the clusters may
// be out of reach.
const hangingLimit = 5 * time.Second

// toldHanging adds to the result of a run that did not go well what hangs on one of
// the clusters and how that is ended; false if nothing is known to.
func (r *run) toldHanging(ctx context.Context, err error) bool {
	hanging, ok := errors.AsType[*kafka.HangingError](err)
	if !ok {
		if !slices.Contains([]event.Outcome{event.Failed, event.NotProven, event.RolledBack}, r.result.Outcome) {
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

// seen notes where a move stands and how both copies are.
func (r *run) seen(observed pair.Observation) {
	r.result.State = string(observed.State())
	r.result.OriginState, r.result.TargetState = observed.Origin.State(), observed.Target.State()
}

// observeEnd notes where both clusters stand at the end.
func (r *run) observeEnd(ctx context.Context, request pair.Request) {
	observed, err := request.Observe(context.WithoutCancel(ctx), r.Mask)
	if err != nil {
		r.note(event.Warn, "where the move stands cannot be read: %s", err)
		return
	}
	r.seen(observed)
}

// failThere fills the result of a run that failed, with where both clusters stand.
func (r *run) failThere(ctx context.Context, request pair.Request, err error) event.ConnectorResult {
	r.observeEnd(ctx, request)
	return r.fail(ctx, err)
}
