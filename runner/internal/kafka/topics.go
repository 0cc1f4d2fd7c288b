package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const compact = "compact"

func cleanupPolicy(config kadm.ResourceConfig) string {
	for _, setting := range config.Configs {
		if setting.Key == "cleanup.policy" {
			return setting.MaybeValue()
		}
	}
	return ""
}

// Partitions returns the number of partitions of each topic that exists.
func (c *Client) Partitions(ctx context.Context, topics ...string) (map[string]int, error) {
	counts := map[string]int{}
	told, err := c.metadata(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: partitions of topics %q: %w", c.brokers, topics, err)
	}
	for _, name := range topics {
		topic, ok := told.topics[name]
		if !ok || errors.Is(topic.err, kerr.UnknownTopicOrPartition) {
			continue
		}
		if topic.err != nil {
			return nil, fmt.Errorf("kafka %s: partitions of topic %q: %w", c.brokers, name, topic.err)
		}
		counts[name] = len(topic.leaders)
	}
	return counts, nil
}

// Compacted returns the topics that are compacted and nothing else, as Connect
// demands of its own (TopicAdmin.verifyTopicCleanupPolicyOnlyCompact), with
// their numbers of partitions.
func (c *Client) Compacted(ctx context.Context) (map[string]int, error) {
	told, err := c.allMetadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: list topics: %w", c.brokers, err)
	}
	var names []string
	for _, name := range sorted(told.topics) {
		if topic := told.topics[name]; topic.err == nil && !topic.internal {
			names = append(names, name)
		}
	}
	described, err := c.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: configs of topics: %w", c.brokers, err)
	}
	counts := map[string]int{}
	for _, config := range described {
		if config.Err == nil && cleanupPolicy(config) == compact {
			counts[config.Name] = len(told.topics[config.Name].leaders)
		}
	}
	return counts, nil
}
