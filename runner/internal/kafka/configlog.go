package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

// ConfigLog is a cluster's config topic (config.storage.topic), from which each
// worker learns what there is to run.
type ConfigLog struct {
	client *Client
	topic  string
}

// ConfigLog returns the config topic of the given name.
func (c *Client) ConfigLog(topic string) *ConfigLog { return &ConfigLog{client: c, topic: topic} }

// SetTargetState writes the record from which a connector that is created
// afterwards takes its first state, as initial_state makes a worker do since 3.7
// (KIP-980, KafkaConfigBackingStore.putConnectorConfig). "" writes a tombstone.
// A connector that exists already is paused, stopped or resumed by it.
func (l *ConfigLog) SetTargetState(ctx context.Context, connector string, state connect.State) error {
	record := &kgo.Record{Topic: l.topic, Partition: 0, Key: internaltopic.TargetStateKey(connector)}
	if state != "" {
		value, ok := internaltopic.TargetState(state)
		if !ok {
			return fmt.Errorf("kafka %s: topic %q: a connector cannot be asked to be %s", l.client.brokers, l.topic, state)
		}
		record.Value = value
	}
	counts, err := l.client.Partitions(ctx, l.topic)
	if err != nil {
		return err
	}
	if count, ok := counts[l.topic]; ok && count != 1 {
		return fmt.Errorf("kafka %s: topic %q has %d partitions and so is no config topic, which has one", l.client.brokers, l.topic, count)
	}
	if err := l.client.needCompacted(ctx, l.topic); err != nil {
		return err
	}
	return l.client.write(ctx, []*kgo.Record{record})
}

// ConfigRecords say what a config topic holds of a connector.
type ConfigRecords struct {
	Config bool // its config, so that it exists
	// State is the target state, "" if there is none, which means RUNNING for a
	// connector that exists.
	State connect.State
}

// Connector returns what the topic holds of a connector, up to the end that it
// has now.
func (l *ConfigLog) Connector(ctx context.Context, connector string) (ConfigRecords, error) {
	var found ConfigRecords
	err := l.client.scan(ctx, l.topic, func(record *kgo.Record) {
		if name, ok := internaltopic.ConfigOf(record.Key); ok && name == connector {
			found.Config = record.Value != nil
		}
		if name, ok := internaltopic.TargetStateOf(record.Key); ok && name == connector {
			found.State = internaltopic.ParseTargetState(record.Value)
		}
	})
	return found, err
}

// End returns the offset that the topic's next record will have.
func (l *ConfigLog) End(ctx context.Context) (int64, error) {
	ends, err := l.client.listed(ctx, l.topic, "end", l.client.admin.ListEndOffsets)
	return ends[0], err
}

// TargetStatesSince returns the target states of a connector among the records from
// an offset on, in order; "" is one that was removed. Whoever pauses, stops or resumes a
// connector writes one before its workers do anything
// (KafkaConfigBackingStore.putTargetState).
func (l *ConfigLog) TargetStatesSince(ctx context.Context, connector string, offset int64) ([]connect.State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	end, err := l.End(ctx)
	if err != nil || end <= offset {
		return nil, err
	}
	open := map[int32]*extent{0: {next: offset, end: end}}
	if err := l.client.awaitStable(ctx, l.topic, open); err != nil {
		return nil, err
	}
	var states []connect.State
	err = l.client.read(ctx, l.topic, open, func(record *kgo.Record) bool {
		if name, ok := internaltopic.TargetStateOf(record.Key); ok && name == connector {
			states = append(states, internaltopic.ParseTargetState(record.Value))
		}
		return true
	})
	return states, err
}
