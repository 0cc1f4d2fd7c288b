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

// producer holds the client that writes, made when it is first needed.
type producer struct {
	mu      sync.Mutex
	current *writer
}

// writer is a client that writes, and how many use it.
type writer struct {
	kgo     *kgo.Client
	users   int
	retired bool // closed as soon as nobody uses it
}

func (p *producer) acquire(options []kgo.Opt) (*writer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		client, err := kgo.NewClient(append(slices.Clone(options),
			kgo.RequiredAcks(kgo.AllISRAcks()),
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerLinger(0),
			// What is not acknowledged in time is given up for good, so that it does
			// not arrive when somebody else has written meanwhile.
			kgo.AllowIdempotentProduceCancellation(),
		)...)
		if err != nil {
			return nil, err
		}
		p.current = &writer{kgo: client}
	}
	p.current.users++
	return p.current, nil
}

// release gives a writer back. One that failed is not used again, as nobody knows
// what of it is still on its way; others that use it finish first.
func (p *producer) release(used *writer, failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	used.users--
	if failed {
		p.retire(used)
	}
	if used.retired && used.users == 0 {
		used.kgo.Close()
	}
}

func (p *producer) retire(used *writer) {
	used.retired = true
	if p.current == used {
		p.current = nil
	}
}

func (p *producer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.current; last != nil {
		p.retire(last)
		last.kgo.Close()
	}
}

// write sends records, each to the partition it names, and waits until every
// in-sync replica has them.
func (c *Client) write(ctx context.Context, records []*kgo.Record) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeLimit, fmt.Errorf("not acknowledged within %s", writeLimit))
	defer cancel()
	writer, err := c.producer.acquire(c.options)
	if err != nil {
		return fmt.Errorf("kafka %s: %w", c.brokers, err)
	}
	err = writer.kgo.ProduceSync(ctx, records...).FirstErr()
	c.producer.release(writer, err != nil)
	if err != nil {
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
