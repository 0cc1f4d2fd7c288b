package cli

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
)

func checkCommand() definition {
	return definition{
		name: "check", usage: "say whether connectors can be moved, and why not (reads only)",
		description: "Looks at versions, config, plugin, the target's validation, the name and the offsets. Names every reason against a move.\n" +
			"Writes nothing.\n\n" +
			"Example: ferry check --clusters clusters.yaml --origin global --target europe --connector orders --connector payments",
		flags: flags(nil, pairs, decided),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, s.mover.Check), nil
		},
	}
}

func moveCommand() definition {
	return definition{
		name: "move", writes: true, certifies: true, usage: "move connectors from origin to target (writes to both)",
		description: "Checks all connectors first, and moves none if one is refused. Then, for each connector: creates a stopped copy on the\n" +
			"target while the origin still runs; pauses and stops the origin; proves its offsets final, copies them and reads them\n" +
			"back; makes sure that the origin is still stopped; starts the copy. If something fails before the start, the origin is\n" +
			"put back as it was. If the copy fails right after it, the connector is rolled back with the copy's progress.\n" +
			"Run it again after a kill: it continues from where the clusters stand, and changes nothing when all is done.\n\n" +
			"Example: ferry move --clusters clusters.yaml --origin global --target europe --connector orders --set topic.prefix=eu",
		flags: flags(certifying, pairs, decided, proven, certified),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests, err := s.pair(ctx, true)
			if err != nil {
				return nil, err
			}
			return s.moveAll(ctx, requests), nil
		},
	}
}

// moveAll moves all connectors or, if one of them cannot be, none.
func (s *session) moveAll(ctx context.Context, requests []pair.Request) []event.ConnectorResult {
	if len(requests) == 1 {
		return s.each(ctx, requests, s.mover.Move)
	}
	checked := s.each(ctx, requests, s.mover.Check)
	for _, one := range checked {
		if bad("check", one.Outcome) {
			return notMoved(checked)
		}
	}
	return s.each(ctx, requests, s.mover.Move)
}

func notMoved(checked []event.ConnectorResult) []event.ConnectorResult {
	for i := range checked {
		if checked[i].Outcome == event.Ready {
			checked[i].Message = "not moved, because another connector of this command cannot be; it " + checked[i].Message
		}
	}
	return checked
}

func rollbackCommand() definition {
	return definition{
		name: "rollback", writes: true, certifies: true, usage: "take moved connectors back, with their progress (writes to both)",
		description: "The move the other way: the target's newer offsets go back to the origin. An unfinished move is put back.\n" +
			"Name --origin and --target as for the move, and repeat --same-log if the move had it. A sink that was moved through\n" +
			"MirrorMaker's checkpoints goes back at least once, without asking.\n" +
			"With the --into of a consolidation, or the --part of a split, it takes that back.\n\n" +
			"Example: ferry rollback --clusters clusters.yaml --origin global --target europe --connector orders\n" +
			"         ferry rollback --clusters clusters.yaml --origin global --target europe --connector m1 --connector m2 --into mirror",
		flags: flags(certifying, pairs, []string{"copy", "same_log"}, proven, regrouped, certified),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			if s.request.Into != "" || len(s.request.Parts) > 0 {
				if s.papers.folder != "" {
					return nil, usagef("--report does not go with --into and --part: a consolidation and a split leave no certificate")
				}
				return s.regroup(ctx, (*regroup.Regrouper).Undo)
			}
			requests, err := s.pair(ctx, true)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, s.mover.Rollback), nil
		},
	}
}

func diffCommand() definition {
	return definition{
		name: "diff", usage: "compare two clusters as they are (reads only)",
		description: "Says which connectors are on one cluster only, which are on both and where their moves stand, in which settings their\n" +
			"configs differ (secrets masked), and whose offsets are ahead. Without --connector it compares all.\n" +
			"Exits with 15 if a connector runs on both, and with 16 if one is down.\n\n" +
			"Example: ferry diff --clusters clusters.yaml --origin global --target europe",
		flags: flags(map[string]string{"connector": "compare only this `CONNECTOR`, by its name on the origin; repeat it for several"}, pairs),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			origin, target, err := s.both(ctx, false)
			if err != nil {
				return nil, err
			}
			asked := s.request
			return drift.Comparer{
				Origin: origin, Target: target, Rename: asked.Rename, Only: asked.Connectors, Concurrency: asked.Concurrency, Mask: s.mover.Mask,
			}.Compare(ctx)
		},
	}
}

func statusCommand() definition {
	return definition{
		name: "status", usage: "say where the moves of connectors stand (reads only)",
		description: "Works it out from what both clusters show. Exits with 15 if a connector runs on both, and with 16 if it should run\n" +
			"and does not, or one of its tasks has failed.\n\n" +
			"Example: ferry status --clusters clusters.yaml --origin global --target europe --connector orders",
		flags: flags(nil, pairs),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, s.mover.Status), nil
		},
	}
}
