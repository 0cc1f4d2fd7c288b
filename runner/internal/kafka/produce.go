package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// writeLimit bounds a write, whatever the caller allows.
const writeLimit = 15 * time.Second

// producer is the client that writes, made when it is first needed.
type producer struct {
	mu  sync.Mutex
	kgo *kgo.Client
}

func (p *producer) get(options []kgo.Opt) (*kgo.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kgo != nil {
		return p.kgo, nil
	}
	options = append(slices.Clone(options),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		// What is not acknowledged in time is given up together with the client,
		// see discard, so that it cannot arrive later.
		kgo.AllowIdempotentProduceCancellation(),
	)
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	p.kgo = client
	return client, nil
}

// discard closes the client: a record that was not acknowledged must not be sent
// again when somebody else has written meanwhile.
func (p *producer) discard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kgo != nil {
		p.kgo.Close()
		p.kgo = nil
	}
}

// write sends records, each to the partition it names, and waits until every
// in-sync replica has them.
func (c *Client) write(ctx context.Context, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeLimit, fmt.Errorf("not acknowledged within %s", writeLimit))
	defer cancel()
	client, err := c.producer.get(c.options)
	if err != nil {
		return fmt.Errorf("kafka %s: %w", c.brokers, err)
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		c.producer.discard()
		return fmt.Errorf("kafka %s: write to topic %q: %w", c.brokers, records[0].Topic, causeOf(ctx, err))
	}
	return nil
}

// defaultPartition returns the partition where Kafka's own producers put a key
// (murmur2).
func (c *Client) defaultPartition(ctx context.Context, record *kgo.Record) (int32, error) {
	counts, err := c.Partitions(ctx, record.Topic)
	if err != nil {
		return 0, err
	}
	if counts[record.Topic] == 0 {
		return 0, fmt.Errorf("kafka %s: topic %q does not exist", c.brokers, record.Topic)
	}
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic(record.Topic).Partition(record, counts[record.Topic])), nil //nolint:gosec // smaller than the number of partitions
}

// needCompacted refuses a topic that would forget what is written to it. Connect
// refuses it too (TopicAdmin.verifyTopicCleanupPolicyOnlyCompact).
func (c *Client) needCompacted(ctx context.Context, topic string) error {
	described, err := c.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return fmt.Errorf("kafka %s: cleanup.policy of topic %q: %w", c.brokers, topic, err)
	}
	config, err := described.On(topic, nil)
	if err == nil {
		err = config.Err
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("kafka %s: topic %q does not exist", c.brokers, topic)
	}
	if err != nil {
		return fmt.Errorf("kafka %s: cleanup.policy of topic %q: %w", c.brokers, topic, err)
	}
	if policy := cleanupPolicy(config); policy != compact {
		return fmt.Errorf("kafka %s: topic %q has cleanup.policy %q and would forget what is written to it, Connect's own topics have %q",
			c.brokers, topic, policy, compact)
	}
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
