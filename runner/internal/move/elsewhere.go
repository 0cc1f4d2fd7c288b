package move

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// elsewhereTime bounds the look at the other clusters: they must not keep a connector from being started.
const elsewhereTime = 5 * time.Second

// notMovedOn refuses to start a connector that was moved on.
func (r *run) notMovedOn(ctx context.Context, request pair.Request, seen pair.Observation) error {
	on := r.movedOn(ctx, request, seen)
	if on == "" {
		return nil
	}
	return cluster.Refused(fmt.Sprintf("it stands still on %s and on %s, and runs on %s, to which it was moved on; take it back from there first: "+
		"`ferry rollback --origin %s --target %s --connector %s`; if the one there is a connector of its own with the same config, run this again with a clusters file that leaves %s out",
		request.Origin.Name, request.Target.Name, on, request.Target.Name, on, request.TargetName(), on))
}

// MovedOn returns the cluster to which a connector was moved on from the target, "" if it was
// not as far as is known: its copies on the two both stand still, and a third runs one with the
// same config. Nothing on the two clusters tells that from a move half made. A cluster that
// cannot be asked is warned of, and does not hold anything up.
func (m *Mover) MovedOn(ctx context.Context, request pair.Request, seen pair.Observation) string {
	return m.begin(request, request.Origin.Name).movedOn(ctx, request, seen)
}

func (r *run) movedOn(ctx context.Context, request pair.Request, seen pair.Observation) string {
	state := seen.State()
	if r.mover.Others == nil || seen.RollingBack() || (state != pair.HalfCopied && state != pair.Copied) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, elsewhereTime)
	defer cancel()
	others := r.mover.Others()
	runs := make([]bool, len(others))
	var asking sync.WaitGroup
	for i, other := range others {
		asking.Go(func() { runs[i] = r.runsOn(ctx, other, request, seen) })
	}
	asking.Wait()
	if i := slices.Index(runs, true); i >= 0 {
		return others[i].Name
	}
	return ""
}

// runsOn reports whether the copy runs on another cluster, as far as is known.
func (r *run) runsOn(ctx context.Context, other *cluster.Cluster, request pair.Request, seen pair.Observation) bool {
	of := instance.Instance{Cluster: other.RetryFor(time.Second), Name: request.TargetName()}
	there, err := of.Observe(ctx, r.Mask)
	switch {
	case err != nil:
		r.Note(event.Warn, "%s cannot be asked whether the connector was moved on to it: %s", other.Name, event.OneLine(err.Error()))
		return false
	case !there.Active():
		return false
	}
	// Another connector may have the same name.
	mine := config.WithoutMarks(there.Config).Value().SHA256()
	for _, side := range []instance.Observed{seen.Target, seen.Origin} {
		if mine == config.WithoutMarks(side.Config).Value().SHA256() {
			return true
		}
	}
	return false
}
