package instance

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	// steadyFor is how long a connector must at least be seen in its old state to count as
	// put back. A pause or stop whose answer was lost, or not awaited after a signal, may
	// still take effect a moment later.
	steadyFor = time.Second
	// askAgainAfter is after how long the request is repeated if the connector is not in
	// its old state.
	askAgainAfter = 5 * time.Second
)

// LookHanging is how often, while something does not start, hanging transactions are
// looked for.
const LookHanging = 10 * time.Second

// Restore brings the connector back to a state it had, and watches that it stays in it for
// at least the given time. It sends the request even if the cluster shows that state
// already, since that may be out of date.
//
// A connector that should run must run with its tasks. Those that are FAILED are restarted
// once: what kept them from starting may have passed. If they fail again, the error is a
// [connect.FailedError], unless they were FAILED in before, the status it had.
func (i Instance) Restore(ctx context.Context, state connect.State, before connect.Status, steady time.Duration) (string, error) {
	r := restoring{Instance: i, state: state, before: before, steady: max(steady, steadyFor)}
	if err := i.Ask(ctx, state, cluster.PutBackRetry); err != nil {
		return "", fmt.Errorf("put back on %s: %w", i.On(), err)
	}
	r.begun = time.Now()
	r.asked, r.looked = r.begun, r.begun
	err := wait.Until(ctx, fmt.Sprintf("the connector to be %s again on %s", state, i.On()), cluster.PutBackRetry, r.done)
	detail := fmt.Sprintf("%s on %s as before", state, i.On())
	if failure := r.last.Failure(); err == nil && failure != nil {
		detail += ", " + failure.Error()
	}
	return detail, err
}

// restoring follows a connector that was asked to return to its old state.
type restoring struct {
	Instance
	state  connect.State
	before connect.Status
	steady time.Duration

	begun     time.Time
	asked     time.Time // when the state was last asked for
	looked    time.Time // when a hanging transaction was last looked for
	since     time.Time // since when it is seen in its state; zero if it is not
	failing   time.Time // since when tasks are seen FAILED; zero if none is
	restarted bool
	last      connect.Status
}

func (r *restoring) done(ctx context.Context) (done bool, missing string, err error) {
	r.last, err = r.client().RetryFor(cluster.PutBackRetry).Status(ctx, r.Name)
	if err != nil {
		return false, "", fmt.Errorf("put back on %s: %w", r.On(), err)
	}
	failure := r.last.Failure()
	if r.state != connect.Running || r.last.FailedBefore(r.before) {
		failure = nil
	}
	if failure != nil {
		r.since = time.Time{}
		return false, failure.Error(), r.failed(ctx, failure)
	}
	r.failing = time.Time{}
	missing = r.missing()
	if missing == "" {
		if r.since.IsZero() {
			r.since = time.Now()
		}
		return time.Since(r.since) >= r.steady, "in that state only for a moment", nil
	}
	if !r.since.IsZero() || time.Since(r.asked) > askAgainAfter {
		r.since, r.asked = time.Time{}, time.Now()
		err = r.Ask(ctx, r.state, cluster.PutBackRetry)
	}
	if err == nil && r.last.Starting() && time.Since(r.looked) > LookHanging {
		r.looked = time.Now()
		if hanging := r.Hanging(ctx); hanging != nil {
			err = fmt.Errorf("asked to be %s on %s, which it will be once it can start: %w", r.state, r.On(), hanging)
		}
	}
	return false, missing, err
}

// missing says what is not as before. A task that was FAILED before is as before.
func (r *restoring) missing() string {
	if r.last.Connector.State == connect.Failed {
		return ""
	}
	others := connect.Status{Connector: r.last.Connector}
	for _, task := range r.last.Tasks {
		if task.State != connect.Failed {
			others.Tasks = append(others.Tasks, task)
		}
	}
	missing := others.Missing(r.state, 0)
	if missing == "" && r.state == connect.Running && len(r.last.Tasks) == 0 && (len(r.before.Tasks) > 0 || time.Since(r.begun) < lateTasks) {
		return "no task yet"
	}
	return missing
}

// failed restarts what is FAILED, once, and returns the failure if it stays.
func (r *restoring) failed(ctx context.Context, failure error) error {
	switch {
	case r.failing.IsZero():
		r.failing = time.Now()
	case time.Since(r.failing) < r.steady: // the status may be from before the stop
	case r.restarted:
		return fmt.Errorf("put back on %s: %w", r.On(), failure)
	default:
		r.restarted, r.failing = true, time.Now()
		// Workers before 3.0 cannot (KIP-745); then the failure stays.
		if err := r.client().Restart(ctx, r.Name); err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// RestartAdvice says how to restart what is FAILED, once its cause is mended.
func (i Instance) RestartAdvice() string {
	return fmt.Sprintf("it is down: mend the cause on %s, then restart what failed: POST %s?includeTasks=true&onlyFailed=true, then `ferry status`",
		i.On(), i.URL("restart"))
}
