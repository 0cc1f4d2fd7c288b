package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Stopper stops the wrong one of two copies that run, see [Watcher.Stop].
type Stopper struct{ *command.Setup }

// recheckEvery is between two looks of a [Stopper].
const recheckEvery = 500 * time.Millisecond

// StopOrigin stops the origin's copy of a moved connector that runs on both clusters. It refuses
// unless that is the wrong one beyond doubt, and changes nothing while another run works on it.
func (s Stopper) StopOrigin(ctx context.Context, request pair.Request) event.ConnectorResult {
	return s.Leased(ctx, "watch", s.Begin(request.Connector, request.From()), request.Keys(), func(check func(context.Context) error) event.ConnectorResult {
		request.Origin = request.Origin.LeaseChecked(check)
		from := request.From()
		r := s.BeginPair(request, "")
		if err := r.Step("check", func() (string, error) { return "", s.originIsWrong(ctx, request) }); err != nil {
			return r.FailObserved(ctx, request, err)
		}
		// From here on an interrupt does not end it: nobody would know whether it is stopped.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Options.PutBack)
		defer cancel()
		err := r.Step("stop", func() (string, error) {
			r.Result.Changed = true
			asked, err := from.AskToRest(ctx, cluster.PutBackRetry)
			if err == nil {
				err = from.AwaitRest(ctx)
			}
			return asked + " on " + from.On(), err
		})
		if err != nil {
			return r.FailObserved(ctx, request, err)
		}
		r.ObserveEnd(ctx, request)
		return r.End(event.RunningTwice, fmt.Sprintf("the one on %s was stopped; what it sent meanwhile is sent twice", from.On()))
	})
}

// originIsWrong looks for longer than a suspicion must hold: all the time both run with the same
// config, no mark speaks of what is not finished, and of the target's offsets none is behind and
// some are ahead.
func (s Stopper) originIsWrong(ctx context.Context, request pair.Request) error {
	var wrong instance.Suspicion
	for {
		seen, err := request.Observe(ctx, s.Mask)
		if err == nil {
			err = targetLeads(ctx, request, seen)
		}
		if err != nil || wrong.See(true) {
			return err
		}
		if err := wait.For(ctx, recheckEvery); err != nil {
			return err
		}
	}
}

func targetLeads(ctx context.Context, request pair.Request, seen pair.Observation) error {
	const undecided = "which of the two is wrong cannot be told: "
	switch {
	case seen.State() != pair.RunningTwice:
		return cluster.Refused("it does not run on both clusters any more")
	case !seen.LooksMoved():
		return cluster.Refused(undecided + "the copies carry marks of a move or rollback that is not finished, or differ in a setting")
	case seen.Origin.Sink() && request.Origin.OtherKafka(request.Target):
		return cluster.Refused(undecided + "their offsets count different logs")
	case request.Shared(seen.Origin.Sink(), seen.Origin.Config, seen.Target.Config):
		return cluster.Refused(undecided + "both keep their offsets in one place")
	}
	opened, err := request.Open(ctx, seen)
	if err != nil {
		return err
	}
	if opened.External() {
		return cluster.Refused(undecided + "they have no offsets")
	}
	theirs, err := opened.To.Read(ctx)
	if err != nil {
		return fmt.Errorf("on %s: %w", request.Target.Name, err)
	}
	// Both go on meanwhile. The origin's are read last, so that only what is really behind looks so.
	ours, err := opened.From.Read(ctx)
	if err != nil {
		return fmt.Errorf("on %s: %w", request.Origin.Name, err)
	}
	kind := family.For(seen.Origin.Config)
	if len(kind.Regressed(ours, theirs)) > 0 || len(kind.Regressed(theirs, ours)) == 0 {
		return cluster.Refused(undecided + "the one on " + request.Target.Name + " is not ahead in its offsets")
	}
	return nil
}
