package connecttest

import (
	"context"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// ConfigTopic is a cluster's config.storage.topic, written to as to a real one.
type ConfigTopic struct{ cluster *Cluster }

// ConfigTopic returns the cluster's config topic.
func (c *Cluster) ConfigTopic() *ConfigTopic { return &ConfigTopic{cluster: c} }

// SetTargetState writes a connector's target state. A connector that is created
// afterwards takes it for its own (KafkaConfigBackingStore.processConnectorConfigRecord),
// unless its request names another; one that is there follows it. Workers before
// Kafka 3.5 read STOPPED as the PAUSED that is written beside it for them. "" is
// a tombstone.
func (t *ConfigTopic) SetTargetState(ctx context.Context, connector string, state connect.State) error {
	if !slices.Contains([]connect.State{"", connect.Running, connect.Paused, connect.Stopped}, state) {
		return fmt.Errorf("target state of connector %q: %q is none", connector, state)
	}
	c := t.cluster
	if state == connect.Stopped && !c.version.since(3, 5) {
		state = connect.Paused
	}
	return c.kafka.access(ctx, Access{"write target state", connector}, func() error {
		known, exists := c.state.configs[connector]
		switch {
		case !exists:
			c.presets[connector] = state
		case state == "":
			// Back to STARTED, of which nobody is told.
			known.target = connect.Running
			c.publish(func(v *view) { v.configs[connector] = known })
		default:
			c.setTarget(connector, state)
		}
		return nil
	})
}

// targetRecord is a target state in the config topic.
type targetRecord struct {
	connector string
	state     connect.State
}

// End returns where the topic ends, in a count of its own.
func (t *ConfigTopic) End(ctx context.Context) (end int64, err error) {
	err = t.cluster.kafka.access(ctx, Access{"read target state", ""}, func() error {
		end = int64(len(t.cluster.targets))
		return nil
	})
	return end, err
}

// TargetStatesSince returns the target states that were written for a connector since
// the topic ended there, in order.
func (t *ConfigTopic) TargetStatesSince(ctx context.Context, connector string, end int64) (states []connect.State, err error) {
	err = t.cluster.kafka.access(ctx, Access{"read target state", connector}, func() error {
		for _, record := range t.cluster.targets[end:] {
			if record.connector == connector {
				states = append(states, record.state)
			}
		}
		return nil
	})
	return states, err
}
