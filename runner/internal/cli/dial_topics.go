package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
)

// topics finds the cluster's own topics where the clusters file does not name
// them, and refuses names that are wrong. That one is not known is no error: only
// some moves need it, and those that do say why it is not known.
func (s *session) topics(ctx context.Context, cluster *move.Cluster, settings *clusterfile.Kafka, opened *kafka.Client) (kafka.Topics, error) {
	given := kafka.TopicNames{Offsets: settings.OffsetTopic, Status: settings.StatusTopic, Config: settings.ConfigTopic}
	topics, err := opened.FindTopics(ctx, given, kafka.Gather(cluster.Client))
	if err != nil {
		if ctx.Err() != nil {
			return kafka.Topics{}, context.Cause(ctx)
		}
		topics = asGiven(given, err)
	}
	var found []string
	for _, each := range []struct {
		role, given string
		topic       kafka.Topic
	}{
		{"config", given.Config, topics.Config}, {"status", given.Status, topics.Status}, {"offset", given.Offsets, topics.Offsets},
	} {
		switch {
		case each.given != "" && each.topic.Err != nil:
			return kafka.Topics{}, &move.RefusedError{Reason: each.topic.Err.Error()}
		case each.given == "" && each.topic.Err == nil:
			found = append(found, each.role+" topic "+each.topic.Name)
		}
	}
	if len(found) > 0 {
		s.note(event.Info, "cluster %s: found %s by what they hold", cluster.Name, strings.Join(found, ", "))
	}
	if topics.Status.Err != nil {
		s.noStatus[cluster] = topics.Status.Err
	}
	return topics, nil
}

// warn tells why there will be no hard proof for sources of a cluster. Only the
// side that is brought to rest needs one, which a new cluster rarely is.
func (s *session) warn(cluster *move.Cluster) {
	if why, unknownStatus := s.noStatus[cluster]; unknownStatus {
		s.note(event.Warn, "%v; without it no hard proof is possible for sources", unknown("status", cluster.Name, why))
	}
}

// asGiven is what is known when nothing could be looked for.
func asGiven(given kafka.TopicNames, err error) kafka.Topics {
	one := func(name string) kafka.Topic {
		if name == "" {
			return kafka.Topic{Err: err}
		}
		return kafka.Topic{Name: name}
	}
	return kafka.Topics{Offsets: one(given.Offsets), Status: one(given.Status), Config: one(given.Config)}
}

func unknown(role, cluster string, why error) error {
	return fmt.Errorf("the %s topic of cluster %s is not known: %w", role, cluster, why)
}

func (s *session) note(level event.Level, format string, arguments ...any) {
	s.mover.Events.Emit(event.Note{Level: level, At: time.Now(), Message: fmt.Sprintf(format, arguments...)})
}
