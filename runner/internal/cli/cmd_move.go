package cli

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

func checkCommand() definition {
	return definition{
		name: "check", usage: "say whether connectors can be moved, and why not (reads only)",
		description: "Looks at versions, config, plugin, validation by the target, name and offsets. Writes nothing.",
		flags:       append(pairFlags(), moveFlags()...),
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
		name: "move", writes: true, usage: "move connectors from origin to target (writes to both)",
		description: "Checks all connectors first and moves none if one is refused. Then, for each: a stopped copy on the target while the\n" +
			"origin runs on; pause and stop the origin, prove its offsets final, copy and read them back, make sure the origin is\n" +
			"still stopped, start the copy. A failure before the start puts the origin back; one right after it rolls back with the\n" +
			"copy's progress. Run it again after a kill: it goes on from where the clusters stand, and changes nothing when done.",
		flags: append(append(pairFlags(), moveFlags()...), proofFlags()...),
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
		name: "rollback", writes: true, usage: "take moved connectors back, with their progress (writes to both)",
		description: "The move the other way: the target's newer offsets go back to the origin. A move that is not finished is put back.\n" +
			"--origin and --target are those of the move, and so is --same-log. A sink that MirrorMaker's checkpoints have brought to\n" +
			"another Kafka goes back at least once, which needs no consent.",
		flags: append(append(pairFlags(), copyFlag(), sameLogFlag()), proofFlags()...),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests, err := s.pair(ctx, true)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, s.mover.Rollback), nil
		},
	}
}

func statusCommand() definition {
	return definition{
		name: "status", usage: "say where the moves of connectors stand (reads only)",
		description: "Derives it from both clusters. Exits with 15 if a connector runs twice.",
		flags:       pairFlags(),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, s.mover.Status), nil
		},
	}
}
