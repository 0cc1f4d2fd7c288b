package move

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// elsewhereTime bounds the look at the other clusters: they must not keep a connector from being started.
const elsewhereTime = 5 * time.Second

// notMovedOn refuses to start a connector whose copies both stand still while a third cluster
// runs one with the same config. Then the target's copy was moved on, and is not half moved:
// nothing on the two clusters tells one from the other. A cluster that cannot be asked is
// warned of, and does not hold anything up.
func (r *run) notMovedOn(ctx context.Context, request pair.Request, seen pair.Observation) error {
	state := seen.State()
	if r.mover.Others == nil || seen.RollingBack() || (state != pair.HalfCopied && state != pair.Copied) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, elsewhereTime)
	defer cancel()
	others := r.mover.Others()
	runs := make([]string, len(others))
	var asking sync.WaitGroup
	for i, other := range others {
		asking.Go(func() { runs[i] = r.runsOn(ctx, other, request, seen) })
	}
	asking.Wait()
	for i, name := range runs {
		if name != "" {
			on := others[i].Name
			return cluster.Refused(fmt.Sprintf("it stands still on %s and on %s, and runs on %s, to which it was moved on; take it back from there first: "+
				"`ferry rollback --origin %s --target %s --connector %s`; if the one there is a connector of its own with the same config, run this again with a clusters file that leaves %s out",
				request.Origin.Name, request.Target.Name, on, request.Target.Name, on, name, on))
		}
	}
	return nil
}

// runsOn returns the name under which the copy runs on another cluster, "" if it does not as
// far as is known.
func (r *run) runsOn(ctx context.Context, other *cluster.Cluster, request pair.Request, seen pair.Observation) string {
	of := instance.Instance{Cluster: other.RetryFor(time.Second), Name: request.TargetName()}
	there, err := of.Observe(ctx, r.Mask)
	switch {
	case err != nil:
		r.Note(event.Warn, "%s cannot be asked whether the connector was moved on to it: %s", other.Name, connect.Message(err))
		return ""
	case !there.Active():
		return ""
	}
	// Another connector may have the same name.
	mine := config.WithoutMarks(there.Config).Value().SHA256()
	for _, side := range []instance.Observed{seen.Target, seen.Origin} {
		if mine == config.WithoutMarks(side.Config).Value().SHA256() {
			return of.Name
		}
	}
	return ""
}
