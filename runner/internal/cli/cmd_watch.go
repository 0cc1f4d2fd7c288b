package cli

import (
	"context"
	"maps"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/watch"
)

const (
	policyStop = "stop"
	watchEvery = 30 * time.Second
)

func watchCommand() definition {
	return definition{
		name: "watch", writes: true, usage: "say what is alarming between two clusters (reads only; with --policy stop, stops copies on the origin)",
		description: "Finds what runs on both clusters or on neither, an origin's copy that was resumed or created again, a copy that fell behind,\n" +
			"consumers that nobody expects, and sinks whose offsets expire. Looks twice, ten seconds apart, at what is alarming. Without\n" +
			"--connector it looks at all. One look, or with --for one every --every, and then it prints what changes.\n" +
			"With --policy stop it stops the origin's copy of what runs on both, if marks and offsets show that this is the wrong one.\n" +
			"Exits with 15 if a connector runs on both, and with 16 if one is down, at the last look.\n\n" +
			"Example: ferry watch --clusters clusters.yaml --origin global --target europe --policy stop --every 30s --for 10m",
		flags: flags(map[string]string{
			"connector":   "watch only this `CONNECTOR`, by its name on the origin; repeat it for several",
			"certificate": "`DIR` in which ferry accept has kept what it removed: tells what was created again",
		}, pairs, []string{"policy", "every", "for", "certificate"}),
		do: doWatch,
	}
}

func doWatch(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	every, err := duration("every", asked.Every, watchEvery)
	if err != nil {
		return nil, err
	}
	lasts, err := duration("for", asked.For, 0)
	if err != nil {
		return nil, err
	}
	if asked.Every != "" && asked.For == "" {
		return nil, usagef("--every goes with --for, which says how long to watch")
	}
	origin, target, err := s.both(ctx, false)
	if err != nil {
		return nil, err
	}
	watcher := watch.New(drift.Comparer{
		Origin: origin, Target: target, Rename: asked.Rename, Only: asked.Connectors, Concurrency: asked.Concurrency, Mask: s.mover.Mask,
	}, s.mover.Events)
	watcher.Every, watcher.For, watcher.MovedOn = every, lasts, s.mover.MovedOn
	if asked.Policy == policyStop {
		if err := s.useNATS(ctx); err != nil {
			return nil, err
		}
		watcher.Stop = watch.Stopper{Setup: s.mover.Setup}.StopOrigin
	}
	if folder := (kept.Folder{Path: asked.Certificate}); folder.Path != "" {
		rename, err := folder.Renames(asked.Origin, asked.Target)
		if err != nil {
			return nil, err
		}
		maps.Copy(rename, asked.Rename)
		watcher.Compare.Rename = rename
		watcher.Removed = func(request pair.Request) (time.Time, error) {
			entry, err := folder.Open(request.Origin.Name, request.Connector)
			if err != nil || entry.Before == nil {
				return time.Time{}, err
			}
			return entry.Before.RemovedAt, nil
		}
	}
	report, err := watcher.Watch(ctx)
	if err != nil {
		return report.Connectors, err
	}
	s.result.Message = report.Summary()
	return append([]event.ConnectorResult{}, report.Connectors...), nil
}
