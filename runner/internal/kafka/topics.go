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
	if len(topics) == 0 {
		return counts, nil // kadm would list every topic there is
	}
	listed, err := c.admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: partitions of topics %q: %w", c.brokers, topics, err)
	}
	for _, name := range topics {
		topic, ok := listed[name]
		if !ok || errors.Is(topic.Err, kerr.UnknownTopicOrPartition) {
			continue
		}
		if topic.Err != nil {
			return nil, fmt.Errorf("kafka %s: partitions of topic %q: %w", c.brokers, name, topic.Err)
		}
		counts[name] = len(topic.Partitions)
	}
	return counts, nil
}

// compacted returns the topics that are compacted and nothing else, as Connect
// demands of its own (TopicAdmin.verifyTopicCleanupPolicyOnlyCompact), with
// their numbers of partitions.
func (c *Client) compacted(ctx context.Context) (map[string]int, error) {
	listed, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: list topics: %w", c.brokers, err)
	}
	described, err := c.admin.DescribeTopicConfigs(ctx, listed.Names()...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: configs of topics: %w", c.brokers, err)
	}
	counts := map[string]int{}
	for _, config := range described {
		if config.Err == nil && cleanupPolicy(config) == compact {
			counts[config.Name] = len(listed[config.Name].Partitions)
		}
	}
	return counts, nil
}
