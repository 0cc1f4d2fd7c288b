package lab

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Hang leaves a transaction open in a partition of which the coordinator of the
// given transactional id knows nothing, as a broker may that is killed while it
// commits (KIP-664). It produces as clients before KIP-890 could, without telling
// the coordinator of the partition, and for that turns off the brokers' check of
// it (transaction.partition.verification.enable).
func (k *Kafka) Hang(ctx context.Context, topic string, partition int32, transactionalID string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Bootstrap()), kgo.MaxVersions(kversion.V3_6_0()))
	if err != nil {
		return err
	}
	defer client.Close()
	unchecked := "false"
	altered, err := kadm.NewClient(client).AlterBrokerConfigs(ctx, []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "transaction.partition.verification.enable", Value: &unchecked},
	})
	if err == nil {
		_, err = altered.On("", nil)
	}
	if err != nil {
		return fmt.Errorf("lab: turn the check of transactions off: %w", err)
	}
	begin := kmsg.NewPtrInitProducerIDRequest()
	begin.TransactionalID, begin.TransactionTimeoutMillis = &transactionalID, int32(time.Minute.Milliseconds())
	producer, err := begin.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(producer.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("lab: a producer that is to leave a transaction behind: %w", err)
	}
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = partition, batchOfOne(producer.ProducerID, producer.ProducerEpoch)
	of := kmsg.NewProduceRequestTopic()
	of.Topic, of.Partitions = topic, append(of.Partitions, part)
	produce := kmsg.NewPtrProduceRequest()
	produce.TransactionID, produce.Acks, produce.TimeoutMillis, produce.Topics = &transactionalID, -1, int32(time.Minute.Milliseconds()), append(produce.Topics, of)
	err = wait.Until(ctx, "the broker to check transactions no more", 30*time.Second, func(ctx context.Context) (bool, string, error) {
		response, err := client.Broker(brokerID).Request(ctx, produce)
		if err == nil {
			err = kerr.ErrorForCode(response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
		}
		if errors.Is(err, kerr.InvalidTxnState) || errors.Is(err, kerr.TransactionAbortable) {
			return false, err.Error(), nil // the config is on its way
		}
		return err == nil, "", err
	})
	if err != nil {
		return fmt.Errorf("lab: leave a transaction behind in %s-%d: %w", topic, partition, err)
	}
	return nil
}

// batchOfOne returns a transaction's first batch, with one record (KIP-98).
func batchOfOne(producer int64, epoch int16) []byte {
	const (
		transactional = 1 << 4
		uncounted     = 8 + 4                 // bytes of offset and length, which the length does not count
		unchecked     = uncounted + 4 + 1 + 4 // and those of leader epoch, magic and the sum, which it is not of
	)
	record := kmsg.Record{Key: []byte("key"), Value: []byte("value")}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // its own length is one byte
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: transactional, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: producer, ProducerEpoch: epoch, NumRecords: 1, Records: record.AppendTo(nil),
	}
	batch.Length = int32(len(batch.AppendTo(nil)) - uncounted)
	batch.CRC = int32(crc32.Checksum(batch.AppendTo(nil)[unchecked:], crc32.MakeTable(crc32.Castagnoli)))
	return batch.AppendTo(nil)
}

// Abort ends the transaction that is open in a partition from an offset on, by a
// marker of the partition's own: what kafka-transactions.sh abort does.
func (k *Kafka) Abort(ctx context.Context, topic string, partition int32, startOffset int64) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Bootstrap()))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	described, err := admin.DescribeProducers(ctx, kadm.TopicsSet{topic: {partition: {}}})
	if err != nil {
		return fmt.Errorf("lab: producers to %s-%d: %w", topic, partition, err)
	}
	for _, producer := range described[topic].Partitions[partition].ActiveProducers {
		if producer.CurrentTxnStartOffset != startOffset {
			continue
		}
		written, err := admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{
			ProducerID: producer.ProducerID, ProducerEpoch: producer.ProducerEpoch,
			CoordinatorEpoch: max(producer.CoordinatorEpoch, 0), Topics: kadm.TopicsSet{topic: {partition: {}}},
		})
		if err == nil {
			err = written[producer.ProducerID].Topics[topic].Partitions[partition].Err
		}
		if err != nil {
			return fmt.Errorf("lab: end the transaction of producer %d in %s-%d: %w", producer.ProducerID, topic, partition, err)
		}
		return nil
	}
	return fmt.Errorf("lab: no transaction is open in %s-%d from offset %d on", topic, partition, startOffset)
}
