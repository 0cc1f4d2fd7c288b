package cluster

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// Hanging returns the hanging transaction that keeps a connector's tasks from starting on
// the cluster, nil if none is known. Before workers with exactly-once support start a
// connector or a task, they read the offsets topics to the end, committed records only
// (KafkaBasedLog), and cannot read past a hanging transaction. If the topics cannot be
// read, none is known.
func (c *Cluster) Hanging(ctx context.Context, connector string) *kafka.HangingError {
	if !c.Kafka.Offsets.Known() && !c.Kafka.Topic.Known() {
		return nil
	}
	if status, err := c.Client.Status(ctx, connector); err == nil && status.Type == "sink" {
		return nil // its offsets are in a consumer group
	}
	topics := []string{""}
	if settings, err := c.Client.Config(ctx, connector); err == nil && config.OwnTopic(settings) != "" {
		topics = append(topics, config.OwnTopic(settings))
	}
	for _, name := range topics {
		topic, err := c.OffsetTopic(name)
		if err != nil {
			continue
		}
		if hanging, ok := errors.AsType[*kafka.HangingError](topic.Hanging(ctx)); ok {
			return hanging
		}
	}
	return nil
}
