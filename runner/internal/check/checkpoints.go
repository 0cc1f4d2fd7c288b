package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
)

// checkpoints decides about a sink whose copy consumes from another Kafka cluster, where
// the offsets of its group mean nothing. It passes if MirrorMaker's checkpoints translate
// them and at-least-once is accepted.
func checkpoints(ctx context.Context, f *facts) (string, error) {
	if !f.sink() || f.oneKafka() || f.request.SameLog {
		return "", nil
	}
	opened, err := f.open(ctx)
	if err != nil {
		return "", err
	}
	origin, target := f.request.Origin.Name, f.request.Target.Name
	foreign := fmt.Sprintf("a sink's offsets are those of a consumer group, and %s and %s belong to different Kafka clusters, so they mean nothing there; ", origin, target)
	const sameLog = "if the topics are the same there, record for record and offset for offset, say so with --same-log"
	path, err := mirror.Find(ctx, f.request.MirrorSearch(opened.Offsets, f.seen.Origin.Config, f.config()))
	if none, ok := errors.AsType[*mirror.NoPathError](err); ok {
		return "", cluster.Refused(foreign + sameLog + fmt.Sprintf("; or have them translated, at least once, through MirrorMaker's checkpoints: name the Kafka of both in the clusters file, "+
			"and let a MirrorCheckpointConnector write to that of %s what group %s has committed (its groups.exclude leaves connect-.* out by default); %s", target, f.group(), none.Reason))
	}
	if err != nil {
		return "", err
	}
	result, err := path.Forward(ctx, opened.Offsets)
	if err != nil {
		return "", err
	}
	sources := append(mirror.TopicsOf(opened.Offsets), config.Topics(f.seen.Origin.Config)...)
	slices.Sort(sources)
	sources = slices.Compact(sources)
	if err := f.consumesAll(path, sources); err != nil {
		return "", err
	}
	if !f.request.AtLeastOnce {
		return "", cluster.Refused(foreign + fmt.Sprintf("they can be translated through MirrorMaker's checkpoints (%s on %s), so that none is lost and %s (as of now); "+
			"accept that with --at-least-once; or, %s", path.Checkpoints(), target, result, sameLog))
	}
	f.path = path
	if path.Renames() {
		f.warn("topics have other names on %s (%s for %s): if the sink names tables, files or indexes after its topics, it will use others there, unless its config prevents that",
			target, path.Name(sources[0]), sources[0])
	}
	return fmt.Sprintf("translated through %s on %s, at least once: %s (as of now)", path.Checkpoints(), target, result), nil
}

// consumesAll refuses a copy that would not consume the mirrored topics under their names
// on the target.
func (f *facts) consumesAll(path *mirror.Path, sources []string) error {
	target := f.request.Target.Name
	missing, err := path.NotConsumed(sources, f.config())
	switch {
	case err != nil:
		return cluster.Refused(fmt.Sprintf("%v; name the topics as they are called on %s, with --unset topics.regex --set %s", err, target, topicsSetting(path, sources)))
	case len(missing) > 0:
		unset := ""
		if f.config().Text("topics.regex") != "" {
			unset = "--unset topics.regex "
		}
		return cluster.Refused(fmt.Sprintf("the copy would not consume %s, as MirrorMaker names the topics of group %s on %s; say %s--set %s",
			event.Abbreviated(missing), f.group(), target, unset, topicsSetting(path, sources)))
	default:
		return nil
	}
}

// topicsSetting returns the "topics" setting with the names on the target.
func topicsSetting(path *mirror.Path, sources []string) string {
	names := make([]string, len(sources))
	for i, source := range sources {
		names[i] = path.Name(source)
	}
	return "topics=" + strings.Join(names, ",")
}
