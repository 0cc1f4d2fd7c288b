package event

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
)

// RunStep runs one step of what is done for a connector, emits its events and adds it to the
// result. A panic becomes the error of the step, so that the connector is still put back.
// destination is the cluster that it moves to, "" if it does not.
func RunStep(events Recorder, result *ConnectorResult, destination, name string, do func() (detail string, err error)) (noted Step, detail string, err error) {
	started := time.Now()
	events.Emit(StepStarted{Connector: result.Connector, Step: name, Destination: destination, At: started})
	func() {
		defer crash.Catch(&err)
		detail, err = do()
	}()
	took := time.Since(started)
	events.Emit(StepEnded{Connector: result.Connector, Step: name, Destination: destination, At: time.Now(), Took: took, Detail: detail, Err: err})
	noted = Step{Step: name, StartedAt: started.UTC(), TookMS: took.Milliseconds()}
	if err != nil {
		noted.Error = OneLine(err.Error())
		if result.FailedAt == "" {
			result.FailedAt = name
		}
	}
	result.Steps = append(result.Steps, noted)
	return noted, detail, err
}
