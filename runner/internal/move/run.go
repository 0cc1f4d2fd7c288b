package move

import (
	"context"
	"errors"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// run records the steps of one command for one connector.
type run struct {
	*Mover
	request Request
	result  event.ConnectorResult
	// toward is the cluster that the connector is on its way to.
	toward string
	// begin is what is asked of the connector that is brought to rest, since the run began.
	begin targetStates
	// apart says that the target was seen to lack offsets the origin has, so that
	// the two do not keep them in one topic.
	apart bool
	// wrote is where on the target this run wrote offsets that it may remove again;
	// nil for nowhere.
	wrote place
}

// wroteTo notes that offsets were written. In a topic that the origin may read too
// they are never removed: they would be gone for both.
func (r *run) wroteTo(at place) {
	if r.apart {
		r.wrote = at
	}
}

func (m *Mover) newRun(request Request) *run {
	result := event.ConnectorResult{Connector: request.Connector}
	if request.targetName() != request.Connector {
		result.TargetConnector = request.targetName()
	}
	return &run{Mover: m, request: request, result: result}
}

// step runs one step, tells about it, and notes it in the result.
func (r *run) step(name string, do func() (detail string, err error)) error {
	started := time.Now()
	r.Events.Emit(event.StepStarted{Connector: r.request.Connector, Step: name, Toward: r.toward, At: started})
	detail, err := guarded(do)
	took := time.Since(started)
	r.Events.Emit(event.StepEnded{Connector: r.request.Connector, Step: name, Toward: r.toward, At: time.Now(), Took: took, Detail: detail, Err: err})
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

// guarded makes a panic the error of a step, so that what was begun is put back.
func guarded(do func() (string, error)) (detail string, err error) {
	defer crash.Catch(&err)
	return do()
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
