package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// checkCheckpoints decides about a sink whose copy consumes from another Kafka
// cluster, where the offsets of its group mean nothing: whether MirrorMaker's
// checkpoints tell what they are there, and whether that is accepted.
func (m *Mover) checkCheckpoints(ctx context.Context, request Request, found *checked) error {
	if found.kind != "sink" || found.oneKafka || request.SameLog {
		return nil
	}
	origin, target := request.Origin.Name, request.Target.Name
	foreign := fmt.Sprintf("a sink's offsets are those of a consumer group, and %s and %s belong to different Kafka clusters, so they mean nothing there; ", origin, target)
	const sameLog = "if the topics are the same there, record for record and offset for offset, say so with --same-log"
	path, err := request.mirrorPath(ctx, found.group, found.offsets, found.observed.Origin.Config, found.config)
	if none, ok := errors.AsType[*noPathError](err); ok {
		return refused(foreign + sameLog + fmt.Sprintf("; or have them translated, at least once, through MirrorMaker's checkpoints: name the Kafka of both in the clusters file, "+
			"and let a MirrorCheckpointConnector write to that of %s what group %s has committed (its groups.exclude leaves connect-.* out by default); %s", target, found.group, none.reason))
	}
	if err != nil {
		return err
	}
	result, err := path.forward(ctx, found.offsets)
	if err != nil {
		return err
	}
	sources := append(found.committedTopics(), listed(found.observed.Origin.Config)...)
	slices.Sort(sources)
	sources = slices.Compact(sources)
	missing, err := path.notConsumed(sources, found.config)
	switch {
	case err != nil:
		return refused(fmt.Sprintf("%v; name the topics as they are called on %s, with --unset topics.regex --set %s", err, target, path.topicsSetting(sources)))
	case len(missing) > 0:
		unset := ""
		if found.config.Text("topics.regex") != "" {
			unset = "--unset topics.regex "
		}
		return refused(fmt.Sprintf("the copy would not consume %s, as MirrorMaker names the topics of group %s on %s; say %s--set %s",
			abbreviated(missing), found.group, target, unset, path.topicsSetting(sources)))
	case !request.AtLeastOnce:
		return refused(foreign + fmt.Sprintf("they can be translated through MirrorMaker's checkpoints (%s on %s), so that none is lost and %s (as of now); "+
			"accept that with --at-least-once; or, %s", path.checkpoints.Name, target, result, sameLog))
	}
	found.path = path
	if path.prefix != "" {
		m.note(request.Connector, event.Warn, "topics are called otherwise on %s (%s for %s): where the sink names something after the topic, it will be another thing, unless its config sees to it",
			target, path.name(sources[0]), sources[0])
	}
	found.pass("checkpoints", fmt.Sprintf("translated through %s on %s, at least once: %s (as of now)", path.checkpoints.Name, target, result))
	return nil
}

// committedTopics are those of a sink's offsets.
func (c *checked) committedTopics() []string {
	committed, err := positionsOf(c.offsets)
	if err != nil {
		return nil // forward has said so
	}
	return committed.topics()
}

// topicsSetting names the topics of a sink as they are called on the target.
func (m *mirrorPath) topicsSetting(sources []string) string {
	var names []string
	for _, source := range sources {
		names = append(names, m.name(source))
	}
	return "topics=" + strings.Join(names, ",")
}
