package move

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// Mover moves connectors. It is safe for concurrent use.
type Mover struct {
	*command.Setup
	// Others returns the clusters beside origin and target to which a connector may have been moved
	// on; nil if there are none.
	Others func() []*cluster.Cluster
	// AtFailure is called when a move has failed, before it is undone; may be nil.
	AtFailure func(connector string)
	// BeforeWatch is called when a connector's copy runs and all that is left is to watch it, so
	// that the next one can begin; may be nil.
	BeforeWatch func(connector string)

	// many is from how many entries on offsets are followed; 0 is [offsetstore.Many].
	many    int
	earlier earlier
}

// run is one command of a Mover for one connector.
type run struct {
	*command.Run
	mover *Mover
}

// begin begins the record of a command that takes no lease, or another one.
func (m *Mover) begin(request pair.Request, destination string) *run {
	return &run{m.BeginPair(request, destination), m}
}

// leased carries out a command on both instances of a connector, see [command.Setup.LeasedPair].
func (m *Mover) leased(ctx context.Context, name string, request pair.Request, toward string,
	do func(*run, context.Context, pair.Request) event.ConnectorResult,
) event.ConnectorResult {
	return m.LeasedPair(ctx, name, request, toward, func(ctx context.Context, request pair.Request, r *command.Run) event.ConnectorResult {
		return do(&run{r, m}, ctx, request)
	})
}
