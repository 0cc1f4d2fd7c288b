package cli

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

func acceptCommand() definition {
	return definition{
		name: "accept", writes: true, usage: "remove the origin's copies of moved connectors (writes to the origin)",
		description: "Only if the target runs with all its tasks, at or past the offsets that were copied, and the origin's copy is at rest. First keeps\n" +
			"its config and last offsets in --certificate, with the commands that bring it back. Deletes no offsets and no consumer group.\n" +
			"Changes nothing if the copy is gone already; if a deployment tool has created it again, says so.\n" +
			"Run `ferry handover` first: what still describes the origin's copy would create it again.\n\n" +
			"Example: ferry accept --clusters clusters.yaml --origin global --target europe --connector orders --certificate accepted",
		flags: flags(nil, pairs, []string{"certificate", "copy", "same_log"}),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			if err := required([2]string{"certificate", s.request.Certificate}); err != nil {
				return nil, err
			}
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			folder := kept.Folder{Path: s.request.Certificate, Write: writeFile}
			return s.each(ctx, requests, func(ctx context.Context, request pair.Request) event.ConnectorResult {
				return s.mover.Accept(ctx, request, folder)
			}), nil
		},
	}
}
