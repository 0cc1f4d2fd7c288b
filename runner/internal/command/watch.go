package command

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// watchEvery is between two looks. Each look is three requests to workers that start a copy at that
// time, and while many connectors are moved, the looks at one delay the others.
const watchEvery = 500 * time.Millisecond

// Watch watches a connector after its start: it must keep running, on one cluster only,
// and not fall behind its offsets.
type Watch struct {
	*Run
	Copy instance.Instance
	// Other is the connector on the other cluster, which must not run; nil if there is
	// none.
	Other *instance.Instance
	// Behind says how the copy fell behind the offsets it was given, "" if it did not;
	// nil if they cannot be compared.
	Behind func(ctx context.Context) (string, error)
}

// Do watches for [Options.Watch], and longer while a suspicion is open. It stops a copy that runs
// beside the other connector, and returns an [instance.RunningTwiceError] then, an
// [outcome.RegressedError] if the copy fell behind, or a [connect.FailedError].
func (w *Watch) Do(ctx context.Context) error {
	var twice, behind instance.Suspicion
	for ends := time.Now().Add(w.Options.Watch); ; {
		if err := w.running(ctx, ends.Add(cluster.StaleTime)); err != nil {
			return err
		}
		other := w.otherAwake(ctx)
		if twice.See(other != "") {
			return w.stopCopy(ctx, other)
		}
		regressed, err := w.fellBehind(ctx)
		if err != nil {
			return fmt.Errorf("watch on %s: %w", w.Copy.On(), err)
		}
		if behind.See(regressed != "") {
			return &outcome.RegressedError{What: fmt.Sprintf("watch on %s: %s; it has sent records again", w.Copy.On(), regressed)}
		}
		if time.Now().After(ends) && !twice.Open() && !behind.Open() {
			return nil
		}
		if err := wait.For(ctx, watchEvery); err != nil {
			return err
		}
	}
}

// KeepsRunning watches a connector of which nothing else is asked: its state says RUNNING
// though its tasks have failed, or are about to. It does nothing if it should not run.
func (r *Run) KeepsRunning(ctx context.Context, of instance.Instance, seen instance.Observed) error {
	err := seen.Failure()
	switch {
	case err != nil:
		err = fmt.Errorf("on %s: %w", of.On(), err)
	case seen.State() == connect.Running:
		err = (&Watch{Run: r, Copy: of}).Do(ctx)
	}
	r.AdviseRestart(of, err)
	return err
}

// AdviseRestart says how to restart what is FAILED, if that is the error.
func (r *Run) AdviseRestart(of instance.Instance, err error) {
	if outcome.Is[*connect.FailedError](err) {
		r.Result.Instructions = of.RestartAdvice()
	}
}

// running returns an error if the copy failed. Until unknownUntil, a worker may not know
// the copy yet.
func (w *Watch) running(ctx context.Context, unknownUntil time.Time) error {
	status, err := w.Copy.RetryLonger().Cluster.Client.Status(ctx, w.Copy.Name)
	if connect.IsNotFound(err) && !w.Copy.Gone(ctx) && time.Now().Before(unknownUntil) {
		return nil
	}
	if err == nil {
		err = status.Failure()
	}
	if err != nil {
		return fmt.Errorf("watch on %s: %w", w.Copy.On(), err)
	}
	return nil
}

// otherAwake returns the state of the other side's connector if every worker shows it
// awake, "" if not. A side that cannot be read is no reason to stop a running copy.
func (w *Watch) otherAwake(ctx context.Context) connect.State {
	if w.Other == nil {
		return ""
	}
	return w.Other.AwakeEverywhere(ctx)
}

// fellBehind reads twice before it reports anything: behind a load balancer, the second
// read may reach a worker that is up to date.
func (w *Watch) fellBehind(ctx context.Context) (said string, err error) {
	if w.Behind == nil {
		return "", nil
	}
	for range 2 {
		if said, err = w.Behind(ctx); err != nil || said == "" {
			return "", err
		}
	}
	return said, nil
}

// stopCopy stops the copy, which this run started, and not the other connector, which
// somebody else started. The copy keeps its progress.
func (w *Watch) stopCopy(ctx context.Context, other connect.State) error {
	reason := fmt.Sprintf("another run or somebody started the connector on %s (%s) just as its copy on %s was started",
		w.Other.On(), other, w.Copy.On())
	asked, err := w.Copy.AskToRest(ctx, cluster.PutBackRetry)
	if err != nil {
		w.Result.Instructions = fmt.Sprintf("stop one of the two now: PUT %s, then `ferry status`", w.Copy.URL("stop"))
		return &instance.RunningTwiceError{Reason: fmt.Sprintf("%s; it runs twice, and the copy could not be stopped: %s", reason, connect.Message(err))}
	}
	w.Result.Instructions = fmt.Sprintf("what both sent in that moment is sent twice; find out who started it on %s, then run `ferry move` again; "+
		"or, to keep the copy, stop the connector on %s first, then run `ferry start --cluster %s --connector %s`",
		w.Other.On(), w.Other.On(), w.Copy.On(), w.Copy.Name)
	return &instance.RunningTwiceError{Reason: fmt.Sprintf("%s; the copy has been %s again", reason, asked)}
}
