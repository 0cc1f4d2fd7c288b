package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadata is what the brokers tell of themselves and of topics.
type metadata struct {
	cluster string
	brokers []int32
	topics  map[string]topicMetadata
}

type topicMetadata struct {
	id       [16]byte
	leaders  map[int32]int32 // by partition
	internal bool
	err      error
}

// metadata asks a broker. It does not go by package kadm, which answers from
// what was told some seconds ago: a leader that has moved since, and an error
// of another topic that was asked for then.
func (c *Client) metadata(ctx context.Context, topics ...string) (metadata, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	for _, name := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
	}
	return c.requestMetadata(ctx, request)
}

// allMetadata is [Client.metadata] with every topic that may be seen.
func (c *Client) allMetadata(ctx context.Context) (metadata, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = nil
	return c.requestMetadata(ctx, request)
}

func (c *Client) requestMetadata(ctx context.Context, request *kmsg.MetadataRequest) (metadata, error) {
	answer, err := request.RequestWith(ctx, c.kgo)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return metadata{}, causeOf(ctx, err)
	}
	told := metadata{topics: map[string]topicMetadata{}}
	if answer.ClusterID != nil {
		told.cluster = *answer.ClusterID
	}
	for _, broker := range answer.Brokers {
		told.brokers = append(told.brokers, broker.NodeID)
	}
	for _, topic := range answer.Topics {
		if topic.Topic == nil {
			continue
		}
		leaders := map[int32]int32{}
		for _, partition := range topic.Partitions {
			leaders[partition.Partition] = partition.Leader
		}
		told.topics[*topic.Topic] = topicMetadata{
			id: topic.TopicID, leaders: leaders, internal: topic.IsInternal, err: kerr.ErrorForCode(topic.ErrorCode),
		}
	}
	return told, nil
}

// ClusterID returns the cluster's id, which a Connect worker reports too
// (kafka_cluster_id of GET /).
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	told, err := c.metadata(ctx)
	if err != nil {
		return "", fmt.Errorf("kafka %s: cluster id: %w", c.brokers, err)
	}
	return told.cluster, nil
}

// supports reports whether every broker knows a request.
func (c *Client) supports(ctx context.Context, key kmsg.Key) (bool, error) {
	told, err := c.metadata(ctx)
	if err != nil {
		return false, fmt.Errorf("kafka %s: brokers: %w", c.brokers, err)
	}
	for _, broker := range told.brokers {
		known, err := c.brokerSupports(ctx, broker, key)
		if err != nil {
			return false, fmt.Errorf("kafka %s: versions of broker %d: %w", c.brokers, broker, err)
		}
		if !known {
			return false, nil
		}
	}
	return true, nil
}

func (c *Client) brokerSupports(ctx context.Context, broker int32, key kmsg.Key) (bool, error) {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "ferry", "1"
	answer, err := request.RequestWith(ctx, c.kgo.Broker(int(broker)))
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return false, err
	}
	for _, known := range answer.ApiKeys {
		if known.ApiKey == key.Int16() {
			return true, nil
		}
	}
	return false, nil
}
