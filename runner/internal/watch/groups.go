package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// side is a sink on one of the clusters.
type side struct {
	instance.Instance
	seen  instance.Observed
	group string
}

// consumers is how many members the sink has in its group: one for each task. A paused one has
// them too.
func (s side) consumers() int {
	if s.seen.AtRest() {
		return 0
	}
	return max(len(s.seen.Tasks), len(s.seen.Status.Tasks))
}

// groups looks at the consumer groups of a sink.
func (j *judge) groups(ctx context.Context) {
	origin := side{j.request.From(), j.seen.Origin, config.Group(j.request.Connector, j.seen.Origin.Config)}
	target := side{j.request.To(), j.seen.Target, config.Group(j.request.TargetName(), j.seen.Target.Config)}
	runs := origin.seen.Active() || target.seen.Active()
	sinks := [2]bool{origin.seen.Exists && origin.seen.Sink(), target.seen.Exists && target.seen.Sink()}
	if sinks[0] && sinks[1] && j.request.Shared(true, origin.seen.Config, target.seen.Config) {
		j.group(ctx, origin, origin.consumers()+target.consumers(), runs)
		return
	}
	for i, one := range []side{origin, target} {
		if sinks[i] {
			j.group(ctx, one, one.consumers(), runs)
		}
	}
}

// group looks at one group, in which so many members are expected. runs says that the connector
// runs on one of the clusters: then its progress is kept by those offsets, or goes along in a
// rollback.
func (j *judge) group(ctx context.Context, of side, expected int, runs bool) {
	groups, err := of.Cluster.Kafka.Groups.Get()
	if err != nil {
		if !runs {
			j.add(GroupExpires, time.Time{}, fmt.Sprintf("the sink is stopped, and the offsets of its group %s on %s expire; when is not known: %s",
				of.group, of.On(), event.OneLine(err.Error())), keepGroup)
		}
		return
	}
	found, err := groups.Group(ctx, of.group)
	if err != nil {
		j.note(j.request.Connector, event.Warn, event.OneLine(err.Error()))
		return
	}
	if found.Members > expected {
		j.add(GroupMembers, time.Time{}, fmt.Sprintf("its group %s on %s has %s, and it has %s: something else consumes as this group, or a task has not ended",
			of.group, of.On(), words.Count(found.Members, "member"), words.Count(expected, "task")), "find out who it is with `kafka-consumer-groups --describe --members`, and stop it")
	}
	if !runs && found.Ended() {
		j.expires(ctx, of)
	}
}

const keepGroup = "let it run before that, or keep the offsets with `ferry connect-offsets-get`"

// expires says until when the offsets of a group without members are kept (KIP-211). Kafka does
// not tell since when it has none: at the latest since the sink rests.
func (j *judge) expires(ctx context.Context, of side) {
	since := j.since(ctx, of.Instance, of.seen)
	means := fmt.Sprintf("the sink is stopped, and its group %s on %s has no members", of.group, of.On())
	retention, err := of.retention(ctx)
	switch {
	case err != nil:
		means += "; how long its offsets are kept is not known: " + event.OneLine(err.Error())
	case since.IsZero():
		means += fmt.Sprintf("; its offsets are kept for %s since then, and since when is not known", retention)
	case time.Now().After(since.Add(retention)):
		means += fmt.Sprintf("; its offsets were kept for %s and are gone, or go at any moment", retention)
	default:
		means += fmt.Sprintf("; its offsets are kept until %s at the latest", since.Add(retention).Format(time.RFC3339))
	}
	j.add(GroupExpires, since, means, keepGroup)
}

func (s side) retention(ctx context.Context) (time.Duration, error) {
	groups, err := s.Cluster.Kafka.Groups.Get()
	if err != nil {
		return 0, err
	}
	return groups.OffsetRetention(ctx)
}
