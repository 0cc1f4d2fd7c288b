package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// besideNeighbours adds to the result of a run that changed something what happened meanwhile
// to the tasks of other connectors. Those of the same command stop and start by intention.
func (s *Setup) besideNeighbours(ctx context.Context, request pair.Request, do func(context.Context, pair.Request) event.ConnectorResult) event.ConnectorResult {
	together := append([]string{request.Connector, request.TargetName()}, s.Together...)
	watch := s.neighbours.Begin(ctx, func(connector string) bool { return slices.Contains(together, connector) }, request.Origin, request.Target)
	defer watch.End() // also after a fault of ferry
	result := do(ctx, request)
	found := watch.End()
	if !result.Changed {
		return result
	}
	result.Neighbours = found
	for _, side := range found {
		if side.Restarted > 0 {
			result.Message += fmt.Sprintf("; on %s %s of other connectors restarted, each for at most %d ms", side.Cluster, words.Count(side.Restarted, "task"), side.LongestMS)
		}
	}
	return result
}
