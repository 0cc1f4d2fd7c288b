package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// transactionTopic is created with a broker's first transaction.
const transactionTopic = "__transaction_state"

const (
	// fenceLimit bounds the wait for a transaction that is just being ended.
	fenceLimit = 15 * time.Second
	// unknownTimeout is the transaction timeout, in milliseconds, of a producer
	// whose own is not told: Kafka's default. Nothing is produced as it.
	unknownTimeout = 60_000
)

// Fencer ends the exactly-once tasks of a Connect cluster's connectors for good.
type Fencer struct {
	client *Client
	group  string
}

// Fencer returns the fencer of the Connect cluster with the given group.id; see
// [Client.ConnectGroup].
func (c *Client) Fencer(group string) *Fencer { return &Fencer{client: c, group: group} }

// Fence raises the producer epoch of every transactional id of the connector:
// "<group.id>-<connector>-<task>" (KIP-618, Worker.taskTransactionalId). That
// aborts an open transaction and shuts its owner out, as a worker's own fencing
// does (Worker.fenceZombies). A task that still runs fails.
//
// It returns the ids in order, none if the connector has none: it is not
// exactly-once, or did nothing for transactional.id.expiration.ms (a week). Ids
// on another Kafka, where producer.override.bootstrap.servers leads to one, are
// not found.
func (f *Fencer) Fence(ctx context.Context, connector string) ([]string, error) {
	ids, err := f.ids(ctx, connector)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: transactional ids of connector %q: %w", f.client.brokers, connector, err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	described, err := f.client.admin.DescribeTransactions(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: describe transactional ids %q: %w", f.client.brokers, ids, err)
	}
	for _, id := range ids {
		if err := f.fence(ctx, described[id], id); err != nil {
			return nil, fmt.Errorf("kafka %s: fence transactional id %q: %w", f.client.brokers, id, err)
		}
	}
	return ids, nil
}

var errCannotList = errors.New("the brokers cannot list them, Kafka 3.0 or later can")

func (f *Fencer) ids(ctx context.Context, connector string) ([]string, error) {
	known, err := f.client.supports(ctx, kmsg.ListTransactions)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errCannotList
	}
	listed, err := f.client.admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	prefix := f.group + "-" + connector + "-"
	ids := taskIDs(listed.TransactionalIDs(), prefix)
	if len(ids) > 0 {
		return ids, nil
	}
	// Where there never was a transaction there is no coordinator to ask.
	told, err := f.client.metadata(ctx, transactionTopic)
	if err != nil {
		return nil, err
	}
	if errors.Is(told.topics[transactionTopic].err, kerr.UnknownTopicOrPartition) {
		return nil, nil
	}
	// A broker lists only what one may see. Asked for by name it says so.
	first := prefix + "0"
	described, err := f.client.admin.DescribeTransactions(ctx, first)
	if err != nil {
		return nil, err
	}
	if err := described[first].Err; err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
		return nil, fmt.Errorf("%s: %w", first, err)
	}
	return nil, nil
}

// taskIDs returns those of the sorted ids that are prefix and a task's number.
func taskIDs(ids []string, prefix string) []string {
	var own []string
	for _, id := range ids {
		number, ok := strings.CutPrefix(id, prefix)
		task, err := strconv.ParseUint(number, 10, 31)
		if ok && err == nil && strconv.FormatUint(task, 10) == number {
			own = append(own, id)
		}
	}
	return own
}

// fence asks the id's coordinator for a new epoch, as a new owner would.
func (f *Fencer) fence(ctx context.Context, described kadm.DescribedTransaction, id string) error {
	timeout := int32(unknownTimeout)
	if described.TimeoutMillis > 0 {
		timeout = described.TimeoutMillis
	}
	return wait.Until(ctx, "the new epoch", fenceLimit, func(ctx context.Context) (bool, string, error) {
		request := kmsg.NewPtrInitProducerIDRequest()
		request.TransactionalID = &id
		request.TransactionTimeoutMillis = timeout
		answer, err := request.RequestWith(ctx, f.client.kgo)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		// The first answer to an open transaction is that it is being aborted.
		if errors.Is(err, kerr.ConcurrentTransactions) {
			return false, err.Error(), nil
		}
		return err == nil, "", err
	})
}
