package accept

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
)

// lastOffsets are those of an origin's copy at rest.
type lastOffsets struct {
	store    offsetstore.Store
	document offset.Document
	// shared says that the target reads and writes the same ones, or that there are none
	// outside of the system it reads from: then there is nothing to compare, keep or restore.
	shared bool
}

// again reads them again.
func (l lastOffsets) again(ctx context.Context) (offset.Document, error) {
	if l.shared {
		return l.document, nil
	}
	return l.store.Read(ctx)
}

// compareOffsets makes sure that the running target is at or past the last offsets of the
// origin's copy, and returns those.
func (a *acceptance) compareOffsets(ctx context.Context) (lastOffsets, error) {
	request, seen := a.request, a.seen
	if request.Shared(seen.Origin.Sink(), seen.Origin.Config, seen.Target.Config) {
		return lastOffsets{shared: true}, nil
	}
	opened, err := request.Open(ctx, seen)
	if err != nil {
		return lastOffsets{}, err
	}
	if opened.External() {
		return lastOffsets{shared: true}, nil
	}
	last := lastOffsets{store: opened.From, document: opened.Offsets}
	// Behind a load balancer the second read may reach a worker that is up to date.
	var behind []string
	for range 2 {
		theirs, err := opened.To.Read(ctx)
		if err != nil {
			return last, fmt.Errorf("on %s: %w", request.Target.Name, err)
		}
		if behind, err = a.behind(ctx, last.document, theirs); err != nil || len(behind) == 0 {
			return last, err
		}
	}
	return last, cluster.Refused(fmt.Sprintf("the target is behind: %s has newer offsets than %s for %s, which would be lost with its copy; find out why with `ferry diff`",
		request.Origin.Name, request.Target.Name, event.Abbreviated(behind)))
}

// behind lists the partitions in which the target is behind the origin, or which it lacks.
func (a *acceptance) behind(ctx context.Context, ours, theirs offset.Document) ([]string, error) {
	request, seen := a.request, a.seen
	if seen.Origin.Sink() && request.Origin.OtherKafka(request.Target) && !request.SameLog && ours.Len() > 0 {
		path, err := mirror.Find(ctx, request.MirrorSearch(ours, seen.Origin.Config, seen.Target.Config))
		if err == nil {
			var now mirror.Translation
			if now, err = path.Forward(ctx, ours); err == nil {
				return mirror.Ahead(theirs, now.Document)
			}
		}
		return nil, cluster.Refused(fmt.Sprintf("the offsets on %s and %s cannot be compared (%s); if both Kafka clusters hold the same log, say --same-log",
			request.Origin.Name, request.Target.Name, connect.Message(err)))
	}
	var partitions []string
	for _, entry := range family.For(seen.Origin.Config).Regressed(ours, theirs) {
		partitions = append(partitions, entry.Partition.String())
	}
	return partitions, nil
}
