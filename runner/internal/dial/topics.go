package dial

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/discover"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// topics finds the cluster's own topics that the clusters file does not name, and refuses
// wrong names. A topic that is not found is no error: only some moves need it, and those
// report why it is not known.
func (d *Dialer) topics(ctx context.Context, of *cluster.Cluster, settings *clusterfile.Kafka, opened *kafka.Client) (discover.Topics, error) {
	given := discover.TopicNames{Offsets: settings.OffsetTopic, Status: settings.StatusTopic, Config: settings.ConfigTopic}
	topics, err := discover.Find(ctx, opened, given, discover.Gather(of.Client))
	if err != nil {
		if ctx.Err() != nil {
			return discover.Topics{}, context.Cause(ctx)
		}
		topics = asGiven(given, err)
	}
	var found []string
	for _, each := range []struct {
		role, given string
		topic       discover.Topic
	}{
		{"config", given.Config, topics.Config}, {"status", given.Status, topics.Status}, {"offset", given.Offsets, topics.Offsets},
	} {
		switch {
		case each.given != "" && each.topic.Err != nil:
			return discover.Topics{}, cluster.Refused(each.topic.Err.Error())
		case each.given == "" && each.topic.Err == nil:
			found = append(found, each.role+" topic "+each.topic.Name)
		}
	}
	if len(found) > 0 {
		d.note(event.Info, "cluster %s: found its %s by the records", of.Name, strings.Join(found, ", "))
	}
	return topics, nil
}

// asGiven returns the topics that the clusters file names, for when the search failed
// with err.
func asGiven(given discover.TopicNames, err error) discover.Topics {
	one := func(name string) discover.Topic {
		if name == "" {
			return discover.Topic{Err: err}
		}
		return discover.Topic{Name: name}
	}
	return discover.Topics{Offsets: one(given.Offsets), Status: one(given.Status), Config: one(given.Config)}
}

func unknown(role, cluster string, why error) error {
	return fmt.Errorf("the %s topic of cluster %s is not known: %w", role, cluster, why)
}
