package move

import (
	"cmp"
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// followable returns the offsets topic of one side if it is worth to follow there what is written
// while the connector stands still, see [offsetstore.Followed]; else nil. It is for a source of
// many entries that go by REST, and that keeps them in its cluster's own topic.
func (r *run) followable(request pair.Request, verdict check.Verdict, on *cluster.Cluster) cluster.OffsetTopic {
	basis := verdict.Basis
	if basis.Offsets.Len() < cmp.Or(r.mover.many, offsetstore.Many) || basis.Shared || basis.Group != "" || basis.Stores.Method != offsetstore.ByREST ||
		basis.Stores.External() || config.OwnTopic(verdict.Seen.Origin.Config) != "" || config.OwnTopic(basis.Config) != "" || request.TopicsKnown() != nil {
		return nil
	}
	topic, err := on.OffsetTopic("")
	if err != nil {
		return nil
	}
	return topic
}

// followOffsets has the cutover follow what is written to the offsets topics of both sides from now on,
// while the connector still runs.
func (c *cutover) followOffsets(ctx context.Context, request pair.Request, verdict check.Verdict, copied *prepared) {
	if copied.followed != nil {
		c.transfer.store = copied.followed.Through(c.transfer.store)
	}
	topic := c.followable(request, verdict, request.Origin)
	if topic == nil || verdict.Seen.Origin.AtRest() {
		return
	}
	followed := offsetstore.Follow(c.rest.Store, topic, request.Connector)
	if _, err := followed.Read(ctx); err != nil {
		c.Note(event.Info, "offsets cannot be followed, so the workers are asked for all of them each time: %s", err)
		return
	}
	c.rest.Store = followed
}
