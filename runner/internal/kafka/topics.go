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
