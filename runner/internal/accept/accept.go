package accept

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Acceptor accepts moves of connectors. It is safe for concurrent use.
type Acceptor struct {
	*command.Setup
	// Folder keeps what brings an origin's copy back.
	Folder kept.Folder
	// By is who accepted the moves, "" if nobody said.
	By string
}

// Accept removes the origin's copy of a moved connector, once the target runs and has all that
// was copied, and its config and last offsets are kept in the folder. It removes the connector
// alone: Connect keeps the offsets, and no consumer group is touched.
func (a Acceptor) Accept(ctx context.Context, request pair.Request) event.ConnectorResult {
	return a.LeasedPair(ctx, "accept", request, request.Target.Name, func(ctx context.Context, request pair.Request, r *command.Run) event.ConnectorResult {
		one := &acceptance{Run: r, request: request, by: a.By, resumes: r.Follow(ctx, request.From())}
		return one.do(ctx, a.Folder)
	})
}

// acceptance is one acceptance of a connector.
type acceptance struct {
	*command.Run
	request pair.Request
	by      string
	resumes resumes.Follower
	entry   kept.Entry
	seen    pair.Observation
	last    lastOffsets
}

func (a *acceptance) do(ctx context.Context, folder kept.Folder) event.ConnectorResult {
	from, to := a.request.From(), a.request.To()
	err := a.Step("check", func() (_ string, err error) {
		if a.entry, err = folder.Open(from.On(), from.Name); err != nil {
			return "", err
		}
		if a.seen, err = a.request.Observe(ctx, a.Mask); err != nil {
			return "", err
		}
		a.RecordStates(a.seen)
		if err = a.acceptable(ctx); err == nil && a.seen.Origin.Exists {
			a.last, err = a.compareOffsets(ctx)
		}
		return string(a.seen.State()), err
	})
	switch {
	case outcome.Is[*instance.RunningTwiceError](err):
		a.Result.Instructions = fmt.Sprintf("if the one on %s is the one to keep: PUT %s, then `ferry accept` again", to.On(), from.URL("stop"))
		return a.Fail(ctx, err)
	case a.goneMeanwhile(ctx, err):
		return a.already(ctx)
	case err != nil:
		return a.Fail(ctx, err)
	case !a.seen.Origin.Exists:
		return a.already(ctx)
	}
	if err = a.Step("keep", func() (string, error) { return a.keep(ctx) }); err == nil {
		err = a.Step("remove", func() (string, error) { return a.remove(ctx) })
	}
	if a.goneMeanwhile(ctx, err) {
		return a.already(ctx)
	}
	if err != nil {
		return a.FailObserved(ctx, a.request, err)
	}
	a.ObserveEnd(ctx, a.request)
	message := fmt.Sprintf("accepted on %s%s, its copy on %s is removed", to.On(), a.acceptedBy(), from.On())
	if before := a.entry.Before; before != nil {
		message += fmt.Sprintf("; it was removed before, at %s: a deployment tool, or somebody, has created it again",
			before.RemovedAt.Format(time.RFC3339))
		a.Result.Instructions = fmt.Sprintf("correct what deploys it to %s: `ferry handover %s --out handover` writes what to commit; ", from.On(), a.request.MoveFlags())
	}
	// Not by its path, which in Kestra is one that ends with the task.
	a.Result.Instructions += fmt.Sprintf("to bring it back, run what bring_back says in %s, which is in the --certificate folder, in Kestra in `files` of the task Accept",
		filepath.Base(a.Result.Files[len(a.Result.Files)-1]))
	return a.End(event.Accepted, message)
}

func (a *acceptance) acceptedBy() string {
	if a.by == "" {
		return ""
	}
	return " by " + a.by
}

// goneMeanwhile reports whether a step failed because another run, or somebody, has removed the
// copy at the same moment.
func (a *acceptance) goneMeanwhile(ctx context.Context, err error) bool {
	return (connect.IsNotFound(err) || instance.IsGone(err)) && a.seen.Origin.Exists && a.request.From().Gone(ctx)
}

// already ends a run for which the copy is gone. If an earlier run was cut off right after it
// removed the copy, or another one was faster than this, its certificate gets its last line.
func (a *acceptance) already(ctx context.Context) event.ConnectorResult {
	from := a.request.From()
	if a.entry.Begun != nil || len(a.Result.Files) > 0 {
		if err := a.entry.Removed(time.Now()); err != nil {
			return a.Fail(ctx, err)
		}
	}
	return a.End(event.Unchanged, fmt.Sprintf("is on %s (%s), and its copy on %s is removed already", a.request.Target.Name, a.seen.Target, from.On()))
}

// acceptable refuses a connector whose move is not finished, or whose target does not run.
func (a *acceptance) acceptable(ctx context.Context) error {
	seen, from, to := a.seen, a.request.From(), a.request.To()
	marked := config.KeepState(seen.Target.Config)
	refused := func(format string, arguments ...any) error { return cluster.Refused(fmt.Sprintf(format, arguments...)) }
	switch {
	case !seen.Origin.Exists && !seen.Target.Exists:
		return a.request.Origin.Absent(from.Name)
	case !seen.Target.Exists:
		return refused("is not on %s, so there is nothing to accept; on %s it is the only one", to.On(), from.On())
	case seen.State() == pair.RunningTwice:
		return &instance.RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s%s", from.On(), to.On(), a.createdAgain())}
	case seen.RollingBack():
		return refused("a rollback to %s is not finished, run `ferry rollback` again first", from.On())
	case marked == config.Idle, marked == config.Held, marked == config.Rehearsal, config.IsPreliminary(seen.Target.Config):
		return refused("the copy on %s belongs to no finished move (it carries a mark of one that was not): run `ferry move` or `ferry rollback` first", to.On())
	case config.IsPreliminary(seen.Origin.Config):
		return refused("the connector on %s waits for offsets (it carries a mark of what is not finished): run `ferry rollback` again first", from.On())
	case seen.Origin.Exists && config.Class(seen.Origin.Config) != config.Class(seen.Target.Config):
		return refused("the connectors of that name on %s and %s are of different classes, so one is no copy of the other", from.On(), to.On())
	case seen.Origin.Exists && !seen.Origin.AtRest():
		return refused("its copy on %s is %s, and only one at rest is removed%s", from.On(), seen.Origin, a.createdAgain())
	case seen.Target.AtRest():
		return refused("is %s on %s, and only a connector that runs can be accepted; let it run with `%s`", seen.Target, to.On(), pair.StartCommand(to))
	}
	if err := a.KeepsRunning(ctx, to, seen.Target); err != nil {
		return err
	}
	missing := seen.Target.Status.Missing(connect.Running, max(1, len(seen.Target.Tasks)))
	if missing != "" {
		return refused("only a connector that runs can be accepted, and on %s: %s", to.On(), missing)
	}
	return nil
}

// createdAgain says that the copy was removed once already, "" if it was not as far as the
// folder knows.
func (a *acceptance) createdAgain() string {
	if a.entry.Before == nil {
		return ""
	}
	return fmt.Sprintf("; its copy on %s was accepted and removed at %s, so a deployment tool, or somebody, has created it again",
		a.request.Origin.Name, a.entry.Before.RemovedAt.Format(time.RFC3339))
}

// keep writes the certificate. A config that holds secrets is kept without them: the target has
// them, and a worker knows best which settings they are.
func (a *acceptance) keep(ctx context.Context) (string, error) {
	origin, target := config.WithoutMarks(a.seen.Origin.Config), config.WithoutMarks(a.seen.Target.Config)
	defined, err := a.request.Definitions(ctx, target)
	if err != nil {
		return "", err
	}
	origin, target = config.WithoutSecrets(origin, defined), config.WithoutSecrets(target, defined)
	bringBack := []string{a.request.BringBackCommand(a.seen, defined)}
	if !a.last.shared {
		bringBack = append(bringBack, fmt.Sprintf("ferry connect-offsets-put --cluster %s --connector %s --offsets %s",
			pair.Shell(a.request.Origin.Name), pair.Shell(a.request.Connector), pair.Shell(filepath.Base(a.entry.Offsets()))))
	}
	a.Result.Files, err = a.entry.Keep(kept.Certificate{
		Connector: a.request.Connector, TargetConnector: a.request.TargetName(), Origin: a.request.Origin.Name, Target: a.request.Target.Name,
		KeptAt: time.Now().UTC(), AcceptedBy: a.by, OriginState: a.seen.Origin.State(), TargetState: a.seen.Target.State(),
		Config: origin, ConfigSHA256: config.WithoutMarks(a.seen.Origin.Config).Value().SHA256(), Differences: config.Differences(origin, target),
		Shared: a.last.shared, BringBack: bringBack,
	}, a.last.document)
	a.Result.Entries = a.last.document.Len()
	return fmt.Sprintf("its config and %s", event.Entries(a.last.document.Len())), err
}

// remove removes the origin's copy, after a last look: it must be as it was when it was kept.
func (a *acceptance) remove(ctx context.Context) (string, error) {
	from := a.request.From().RetryLonger()
	if err := from.AwaitRest(ctx); err != nil && !instance.IsGone(err) {
		return "", err
	}
	now, err := a.last.again(ctx)
	if err == nil && !offset.Equal(a.last.document, now) {
		err = instance.Interfered("the offsets on %s have changed since they were kept: another run, or somebody, works on it", from.On())
	}
	if err == nil {
		err = a.resumes.NotResumed(ctx)
	}
	if err != nil {
		return "", err
	}
	// From here on an interrupt does not end it: nobody would know whether it is removed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Options.PutBack)
	defer cancel()
	if err := from.Delete(ctx, cluster.DowntimeRetry); err != nil {
		return "", fmt.Errorf("remove on %s: %w", from.On(), err)
	}
	a.Result.Changed = true
	err = wait.Until(ctx, "the copy on "+from.On()+" to be gone", cluster.SettleTime, func(ctx context.Context) (bool, string, error) {
		return from.Gone(ctx), "a worker still shows it", nil
	})
	if err == nil {
		err = a.entry.Removed(time.Now())
	}
	return "the copy on " + from.On(), err
}
