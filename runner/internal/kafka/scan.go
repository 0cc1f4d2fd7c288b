package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	// scanLimit bounds a read of a whole topic, whatever the caller allows.
	scanLimit = 30 * time.Second
	// glanceLimit bounds a look at a topic that may be anybody's.
	glanceLimit = 10 * time.Second
	// openLimit bounds the wait for transactions that are open when a read
	// begins. Connect writes the offsets of an exactly-once task right before it
	// commits, so that one is open for milliseconds, or its task is gone.
	openLimit = 5 * time.Second
	// stalePause is between two looks for a partition's new leader.
	stalePause = 50 * time.Millisecond
)

// extent is the part of a partition that is still to be read.
type extent struct{ next, end int64 }

// scan visits the committed records of a topic, each partition in order, up to
// the end that the topic has when scan is called.
//
// It fetches by itself instead of consuming, because a consumer learns where it
// is from the records it is given. The end of a topic may be a transaction's
// mark, an aborted record or a hole that compaction left, and for none of these
// is there a record.
func (c *Client) scan(ctx context.Context, topic string, visit func(*kgo.Record)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, scanLimit, noEnd(scanLimit))
	defer cancel()
	open, err := c.extents(ctx, topic, c.admin.ListEndOffsets)
	if err == nil {
		err = c.awaitStable(ctx, topic, open)
	}
	if err != nil {
		return err
	}
	return c.read(ctx, topic, open, func(record *kgo.Record) bool { visit(record); return true })
}

// Glance is a scan for a topic that may be anybody's: it ends before the
// first open transaction instead of waiting, and as soon as visit returns false.
func (c *Client) Glance(ctx context.Context, topic string, visit func(*kgo.Record) (more bool)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, glanceLimit, noEnd(glanceLimit))
	defer cancel()
	open, err := c.extents(ctx, topic, c.admin.ListCommittedOffsets)
	if err != nil {
		return err
	}
	return c.read(ctx, topic, open, visit)
}

func noEnd(limit time.Duration) error { return fmt.Errorf("its end was not reached within %s", limit) }

func (c *Client) read(ctx context.Context, topic string, open map[int32]*extent, visit func(*kgo.Record) bool) error {
	scan := scan{client: c, topic: topic, open: open, visit: visit, bytes: firstPartitionBytes}
	if err := scan.run(ctx); err != nil {
		if scan.trouble != nil && ctx.Err() != nil {
			return fmt.Errorf("kafka %s: read topic %q: %w, after %w", c.brokers, topic, context.Cause(ctx), scan.trouble)
		}
		return fmt.Errorf("kafka %s: read topic %q: %w", c.brokers, topic, causeOf(ctx, err))
	}
	return nil
}

// causeOf says why ctx ended, if that is what err is about.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

type listOffsets func(context.Context, ...string) (kadm.ListedOffsets, error)

// extents returns the partitions that hold anything.
func (c *Client) extents(ctx context.Context, topic string, listEnds listOffsets) (map[int32]*extent, error) {
	ends, err := c.listed(ctx, topic, "end", listEnds)
	if err != nil {
		return nil, err
	}
	starts, err := c.listed(ctx, topic, "start", c.admin.ListStartOffsets)
	if err != nil {
		return nil, err
	}
	extents := map[int32]*extent{}
	for partition, end := range ends {
		start, ok := starts[partition]
		if !ok {
			return nil, fmt.Errorf("kafka %s: start of topic %q: the answer lacks partition %d", c.brokers, topic, partition)
		}
		if start < end {
			extents[partition] = &extent{next: start, end: end}
		}
	}
	return extents, nil
}

// awaitStable waits until no transaction is open that was open at the beginning:
// read_committed ends before the first open one, and would hide what is
// committed after it.
func (c *Client) awaitStable(ctx context.Context, topic string, extents map[int32]*extent) error {
	if len(extents) == 0 {
		return nil
	}
	var unstable int32
	err := wait.Until(ctx, "transactions to end", openLimit, func(ctx context.Context) (bool, string, error) {
		stable, err := c.listed(ctx, topic, "last stable offset", c.admin.ListCommittedOffsets)
		for partition, extent := range extents {
			if stable[partition] < extent.end {
				unstable = partition
				return false, fmt.Sprintf("partition %d is settled up to offset %d of %d", partition, stable[partition], extent.end), err
			}
		}
		return true, "", err
	})
	if _, late := errors.AsType[*wait.TimeoutError](err); late {
		return fmt.Errorf("kafka %s: read topic %q: partition %d has had an open transaction for more than %s%s: "+
			"what is committed after it cannot be read, end or abort it (kafka-transactions.sh find-hanging)",
			c.brokers, topic, unstable, openLimit, c.openTransactions(ctx, topic, unstable))
	}
	return err
}

// openTransactions names the transactions that are open in a partition, as far
// as the brokers tell.
func (c *Client) openTransactions(ctx context.Context, topic string, partition int32) string {
	var set kadm.TopicsSet
	set.Add(topic, partition)
	producers, err := c.admin.DescribeProducers(ctx, set)
	if err != nil {
		return ""
	}
	var ids []int64
	producers.EachProducer(func(producer kadm.DescribedProducer) {
		if producer.CurrentTxnStartOffset >= 0 {
			ids = append(ids, producer.ProducerID)
		}
	})
	if len(ids) == 0 {
		return ""
	}
	transactions, err := c.admin.ListTransactions(ctx, ids, nil)
	if err != nil || len(transactions) == 0 {
		return fmt.Sprintf(" (producer ids %v)", ids)
	}
	return fmt.Sprintf(" (transactional ids %q)", transactions.TransactionalIDs())
}

// listed returns one offset of each partition of a topic; which names it.
func (c *Client) listed(ctx context.Context, topic, which string, list listOffsets) (map[int32]int64, error) {
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, fmt.Errorf("kafka %s: topic %q does not exist, correct the topic names in the clusters file", c.brokers, topic)
	}
	if err != nil {
		return nil, fmt.Errorf("kafka %s: %s of topic %q: %w", c.brokers, which, topic, causeOf(ctx, err))
	}
	offsets := map[int32]int64{}
	listed.Each(func(offset kadm.ListedOffset) { offsets[offset.Partition] = offset.Offset })
	if len(offsets) == 0 {
		return nil, fmt.Errorf("kafka %s: topic %q has no partitions", c.brokers, topic)
	}
	return offsets, nil
}

// scan is one read of a topic.
type scan struct {
	client *Client
	topic  string
	open   map[int32]*extent // what is still to be read
	bytes  int32             // how much to fetch of a partition at once
	visit  func(*kgo.Record) (more bool)

	trouble error // the last that a broker could not be asked for
}

func (s *scan) run(ctx context.Context) error {
	for len(s.open) > 0 {
		id, leaders, err := s.leaders(ctx)
		if err != nil {
			return err
		}
		for moved := false; len(s.open) > 0 && !moved; {
			if moved, err = s.pass(ctx, id, leaders); err != nil {
				return err
			}
			s.bytes = min(2*s.bytes, fetchPartitionBytes)
		}
		if len(s.open) > 0 {
			if err := wait.For(ctx, stalePause); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaders returns the topic's id and the leader of each open partition.
func (s *scan) leaders(ctx context.Context) (id [16]byte, leaders map[int32][]int32, err error) {
	told, err := s.client.metadata(ctx, s.topic)
	if err != nil {
		return id, nil, err
	}
	topic := told.topics[s.topic]
	if topic.err != nil {
		return id, nil, topic.err
	}
	leaders = map[int32][]int32{}
	for partition := range s.open {
		if leader, known := topic.leaders[partition]; known {
			leaders[leader] = append(leaders[leader], partition)
		}
	}
	return topic.id, leaders, nil
}

// pass fetches once from each leader. moved says that one does not lead any
// more, or is not there.
func (s *scan) pass(ctx context.Context, id [16]byte, leaders map[int32][]int32) (moved bool, err error) {
	for leader, partitions := range leaders {
		request := s.request(id, partitions)
		if len(request.Topics[0].Partitions) == 0 {
			continue
		}
		answer, err := s.client.kgo.Broker(int(leader)).RetriableRequest(ctx, request)
		if err != nil {
			if ctx.Err() != nil {
				return false, err
			}
			s.trouble = err
			return true, nil // the broker went away; the limit bounds the search for another
		}
		stale, err := s.take(answer.(*kmsg.FetchResponse)) //nolint:forcetypeassert // kmsg answers a request with its response
		if err != nil {
			return false, err
		}
		moved = moved || stale
	}
	return moved, nil
}

// A read begins with little, as a topic of somebody else is left after that.
const (
	fetchBytes          = 16 << 20
	fetchPartitionBytes = 1 << 20
	firstPartitionBytes = 64 << 10
)

func (s *scan) request(id [16]byte, partitions []int32) *kmsg.FetchRequest {
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = s.topic, id
	for _, partition := range partitions {
		extent, open := s.open[partition]
		if !open {
			continue
		}
		wanted := kmsg.NewFetchRequestTopicPartition()
		wanted.Partition, wanted.FetchOffset, wanted.PartitionMaxBytes = partition, extent.next, s.bytes
		wanted.CurrentLeaderEpoch = -1
		topic.Partitions = append(topic.Partitions, wanted)
	}
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes, request.MaxBytes, request.MaxWaitMillis = 1, fetchBytes, 500
	request.IsolationLevel = 1 // read_committed
	request.SessionEpoch = -1  // no fetch session
	request.Topics = append(request.Topics, topic)
	return request
}

// take visits the records of an answer. stale says that a partition is led by
// another broker now.
func (s *scan) take(answer *kmsg.FetchResponse) (stale bool, err error) {
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return kerr.IsRetriable(err), fatal(err)
	}
	for _, topic := range answer.Topics {
		for i := range topic.Partitions {
			partition := &topic.Partitions[i]
			extent, open := s.open[partition.Partition]
			if !open {
				continue
			}
			switch err := kerr.ErrorForCode(partition.ErrorCode); {
			case errors.Is(err, kerr.OffsetOutOfRange) && partition.LogStartOffset > extent.next:
				extent.next = partition.LogStartOffset // old records were removed meanwhile
			case err != nil:
				if fatal(err) != nil {
					return false, fmt.Errorf("partition %d: %w", partition.Partition, err)
				}
				stale = true
			default:
				if err := s.takePartition(extent, partition); err != nil {
					return false, fmt.Errorf("partition %d: %w", partition.Partition, err)
				}
			}
			if extent.next >= extent.end {
				delete(s.open, partition.Partition)
			}
		}
	}
	return stale, nil
}

// fatal returns err unless it may pass by itself.
func fatal(err error) error {
	if kerr.IsRetriable(err) {
		return nil
	}
	return err
}

func (s *scan) takePartition(extent *extent, answer *kmsg.FetchResponseTopicPartition) error {
	options := kgo.ProcessFetchPartitionOpts{
		Offset: extent.next, IsolationLevel: kgo.ReadCommitted(), Topic: s.topic, Partition: answer.Partition,
	}
	fetched, next := kgo.ProcessFetchPartition(options, answer, kgo.DefaultDecompressor(), nil)
	if fetched.Err != nil {
		return fetched.Err
	}
	for _, record := range fetched.Records {
		if record.Offset < extent.end && !s.visit(record) {
			clear(s.open) // enough was seen
			return nil
		}
	}
	extent.next = next
	return nil
}
