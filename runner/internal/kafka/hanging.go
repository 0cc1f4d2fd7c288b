package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// longestTransaction is after what time a coordinator ends any transaction:
// transaction.max.timeout.ms of the brokers, at Kafka's default.
const longestTransaction = 15 * time.Minute

// HangingTransaction is one that is open in a partition although its coordinator
// has done with it, so that nothing will ever end it (KIP-664). Who reads committed
// records only does not get past it: no exactly-once task whose offsets are in the
// partition's topic can start.
//
// A broker leaves one behind if it is started again while no broker is known to the
// coordinator as leader: what was just being committed is then taken for deleted
// (TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue).
type HangingTransaction struct {
	Topic     string
	Partition int32
	// StartOffset is that of its first record.
	StartOffset int64
	ProducerID  int64
	// LastRecord is when its producer last wrote to the partition.
	LastRecord time.Time
}

func (h HangingTransaction) String() string {
	return fmt.Sprintf("of producer %d in partition %d of topic %q, open from offset %d on since %s",
		h.ProducerID, h.Partition, h.Topic, h.StartOffset, h.LastRecord.UTC().Format(time.RFC3339))
}

// HangingError says that transactions hang.
type HangingError struct {
	Transactions []HangingTransaction // at least one
	brokers      string
}

func (e *HangingError) Error() string {
	told := make([]string, 0, len(e.Transactions))
	for _, hanging := range e.Transactions {
		told = append(told, hanging.String())
	}
	return fmt.Sprintf("kafka %s: a hanging transaction keeps exactly-once tasks from starting, since its coordinator has forgotten it and will not end it: %s",
		e.brokers, strings.Join(told, "; "))
}

// Advice says how to end the first of the transactions.
func (e *HangingError) Advice() string {
	first := e.Transactions[0]
	return fmt.Sprintf("end the transaction that hangs with Kafka's own tool, `kafka-transactions.sh --bootstrap-server %s abort --topic %s --partition %d --start-offset %d`, "+
		"and see with its find-hanging whether there are others; then what was asked to run does so by itself",
		e.brokers, first.Topic, first.Partition, first.StartOffset)
}

// Hanging returns a [HangingError] if transactions hang in the topic, nil if none
// does. It takes one for hanging only if it was open before and after its
// coordinator said that it is not: a coordinator knows of a transaction from before
// its first record (KIP-890) until after its last marker. Where the coordinator
// shows none, this user may not be allowed to see it; then it is one only after the
// time that the brokers allow a transaction at most.
//
// Brokers before 3.0 cannot tell, which is an error, as is any other failure to look.
func (l *OffsetLog) Hanging(ctx context.Context) error {
	hanging, err := l.hanging(ctx)
	if err != nil {
		return fmt.Errorf("kafka %s: look for hanging transactions in topic %q: %w", l.client.brokers, l.topic, err)
	}
	if len(hanging) == 0 {
		return nil
	}
	return &HangingError{Transactions: hanging, brokers: l.client.brokers}
}

func (l *OffsetLog) hanging(ctx context.Context) ([]HangingTransaction, error) {
	known, err := l.client.supports(ctx, kmsg.DescribeProducers)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errCannotList
	}
	open, err := l.openTransactions(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	orphaned, err := l.orphaned(ctx, open)
	if err != nil || len(orphaned) == 0 {
		return nil, err
	}
	still, err := l.openTransactions(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(orphaned, func(h HangingTransaction) bool { return !slices.Contains(still, h) }), nil
}

// openTransactions returns what is open in the topic, in order.
func (l *OffsetLog) openTransactions(ctx context.Context) ([]HangingTransaction, error) {
	described, err := l.client.admin.DescribeProducers(ctx, kadm.TopicsSet{l.topic: nil})
	if err != nil {
		return nil, err
	}
	var open []HangingTransaction
	for _, partition := range described[l.topic].Partitions {
		if partition.Err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition.Partition, partition.Err)
		}
		for _, producer := range partition.ActiveProducers {
			if producer.CurrentTxnStartOffset < 0 {
				continue
			}
			open = append(open, HangingTransaction{
				Topic: l.topic, Partition: partition.Partition, StartOffset: producer.CurrentTxnStartOffset,
				ProducerID: producer.ProducerID, LastRecord: time.UnixMilli(producer.LastTimestamp),
			})
		}
	}
	slices.SortFunc(open, func(a, b HangingTransaction) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.StartOffset, b.StartOffset))
	})
	return open, nil
}

// orphaned returns those of the open transactions of which no coordinator says that
// it is going to end them.
func (l *OffsetLog) orphaned(ctx context.Context, open []HangingTransaction) ([]HangingTransaction, error) {
	producers := make([]int64, 0, len(open))
	for _, transaction := range open {
		producers = append(producers, transaction.ProducerID)
	}
	listed, err := l.client.admin.ListTransactions(ctx, producers, nil)
	if err != nil {
		return nil, err
	}
	var described kadm.DescribedTransactions
	if ids := listed.TransactionalIDs(); len(ids) > 0 {
		if described, err = l.client.admin.DescribeTransactions(ctx, ids...); err != nil {
			return nil, err
		}
	}
	owners := map[int64]kadm.DescribedTransaction{}
	for id, transaction := range described {
		if transaction.Err != nil {
			return nil, fmt.Errorf("transactional id %q: %w", id, transaction.Err)
		}
		owners[transaction.ProducerID] = transaction
	}
	var orphaned []HangingTransaction
	for _, transaction := range open {
		owner, seen := owners[transaction.ProducerID]
		if seen && !owner.Topics.Lookup(transaction.Topic, transaction.Partition) || !seen && time.Since(transaction.LastRecord) > longestTransaction {
			orphaned = append(orphaned, transaction)
		}
	}
	return orphaned, nil
}
