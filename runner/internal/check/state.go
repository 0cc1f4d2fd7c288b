package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// state reads where the move stands, and refuses what is no state of a move.
func state(ctx context.Context, f *facts) (string, error) {
	observe := f.Observe
	if observe == nil {
		observe = func(ctx context.Context, request pair.Request, mask *secret.Mask) (pair.Observation, error) {
			return request.Observe(ctx, mask)
		}
	}
	seen, err := observe(ctx, f.request, f.Mask)
	if err != nil {
		return "", err
	}
	f.seen, f.looked = seen, true
	if err := otherConnector(f.request, seen); err != nil {
		return "", err
	}
	origin, target := f.request.Origin, f.request.Target
	if changed := f.request.Planned.Changed(seen); changed != "" {
		return "", cluster.Refused(fmt.Sprintf("on %s %s; make the plan anew", origin.Name, changed))
	}
	switch stands := seen.State(); stands {
	case pair.Absent:
		return "", origin.Absent(f.request.Connector)
	case pair.RunningTwice:
		return "", &instance.RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s and sends everything twice; stop one of the two now",
			origin.Name, target.Name)}
	case pair.Unclear:
		advice := "stop, start or delete one of the two"
		if seen.Target.State() == connect.Unassigned || seen.Origin.State() == connect.Unassigned {
			advice = "no worker has taken it on yet, or another run works on it: try again"
		}
		return "", cluster.Refused(fmt.Sprintf("connector is %s on %s and %s on %s, which is no state of a move; %s",
			seen.Origin, origin.Name, seen.Target, target.Name, advice))
	case pair.NotBegun, pair.Prepared, pair.HalfCopied, pair.Copied, pair.Moved, pair.Accepted:
		return string(stands), nil
	default:
		return "", fmt.Errorf("state %q is not known to check", stands)
	}
}

// tasks warns of a connector on the origin whose tasks do not run: what the move promises
// about its offsets holds, but the copy will most likely fail as its origin does.
func tasks(_ context.Context, f *facts) (string, error) {
	origin, on := f.seen.Origin, f.request.Origin.Name
	if failure := origin.Failure(); failure != nil {
		f.warn("on %s %s; the copy may fail in the same way", on, failure)
		return "", nil
	}
	if origin.State() != connect.Running {
		return "", nil
	}
	if len(origin.Status.Tasks) == 0 {
		f.warn("the connector is RUNNING on %s and has no task", on)
		return "", nil
	}
	if missing := origin.Status.Missing(connect.Running, 0); missing != "" {
		f.warn("on %s %s", on, missing)
		return "", nil
	}
	return fmt.Sprintf("all %d RUNNING on %s", len(origin.Status.Tasks), on), nil
}

// otherConnector refuses a connector on the target that is not a copy of this one. A
// moved copy may have got another config since, but never another class. One that runs
// beside its origin with another config is not a copy.
func otherConnector(request pair.Request, seen pair.Observation) error {
	if !seen.Origin.Exists || !seen.Target.Exists {
		return nil
	}
	differing := config.Differing(config.WithoutMarks(seen.Target.Config), request.CopyConfig(seen.Origin.Config))
	twice := seen.State() == pair.RunningTwice
	another := slices.Contains(differing, "connector.class") || twice && len(differing) > 0
	if !another || request.Overwrite && seen.Target.AtRest() {
		return nil
	}
	advice := "choose another name with --rename"
	if twice {
		advice += ", or, if it is a copy of this one, stop one of the two now"
	}
	return cluster.Refused(fmt.Sprintf("name %q is taken on %s by a different connector (%s, it differs in %s); %s",
		request.TargetName(), request.Target.Name, seen.Target, strings.Join(differing, ", "), advice))
}

// name refuses a target on which another connector has the name, and a sink whose new name
// gives it another sink's consumer group.
func name(ctx context.Context, f *facts) (string, error) {
	if err := f.othersGroup(ctx); err != nil {
		return "", err
	}
	target := f.seen.Target
	if !target.Exists {
		return "free on " + f.request.Target.Name, nil
	}
	differing := config.Differing(config.WithoutMarks(target.Config), f.config())
	if len(differing) > 0 && !f.request.Overwrite {
		return "", cluster.Refused(fmt.Sprintf("name %q is taken on %s by a connector with another config (%s); delete it there, "+
			"choose another name with --rename, or replace it with --overwrite", f.request.TargetName(), f.request.Target.Name, strings.Join(differing, ", ")))
	}
	return "held by the stopped copy of an earlier attempt", nil
}

// othersGroup refuses a sink that gets, by its new name, the consumer group of a sink on the
// origin: its offsets would be overwritten, and both would share its records.
func (f *facts) othersGroup(ctx context.Context) error {
	renamed := f.request.TargetName()
	if !f.sink() || !f.oneKafka() || renamed == f.request.Connector {
		return nil
	}
	other, err := f.request.Origin.Client.Config(ctx, renamed)
	if connect.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("config of %s on %s: %w", renamed, f.request.Origin.Name, err)
	}
	group := config.Group(renamed, f.config())
	if config.Group(renamed, other) != group || group == f.group() {
		return nil
	}
	return cluster.Refused(fmt.Sprintf("named %q it would use the consumer group %s, which the sink %s on %s has: its offsets would be overwritten; choose another name, or set %s",
		renamed, group, renamed, f.request.Origin.Name, config.GroupOverride))
}
