package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A user that may do only what a test allows.
const user, password = "ferry", "ferry-password"

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "kafka", Users: map[string]string{user: password}, Properties: map[string]string{
			"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":           "User:ANONYMOUS", // who comes by the open listener
		}}},
		Connect: []lab.ConnectSpec{
			{Name: "current", Kafka: "kafka", Properties: map[string]string{
				"offset.flush.interval.ms": "500", "exactly.once.source.support": "enabled",
			}},
			{Name: "v36", Kafka: "kafka", Version: "3.6.2"},
			{Name: "v34", Kafka: "kafka", Version: "3.4.1"},
			{Name: "v28", Kafka: "kafka", Version: "2.8.2"},
		},
	})
}

// open connects to the lab's broker.
func open(t *testing.T) *Client {
	t.Helper()
	client, err := Open(t.Context(), Config{Brokers: []string{labtest.Lab(t).Kafka("kafka").Bootstrap()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// newTopic makes a topic of the test's own.
func newTopic(t *testing.T, client *Client, partitions int32, configs map[string]string) string {
	t.Helper()
	pointers := map[string]*string{}
	for key, value := range configs {
		pointers[key] = &value
	}
	topic := labtest.Name(t)
	created, err := client.admin.CreateTopic(t.Context(), partitions, 1, pointers, topic)
	if err == nil {
		err = created.Err
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.admin.DeleteTopics(context.WithoutCancel(t.Context()), topic) })
	// The controller answers before the broker knows.
	err = wait.Until(t.Context(), "topic "+topic, 30*time.Second, func(ctx context.Context) (bool, string, error) {
		counts, err := client.Partitions(ctx, topic)
		if err != nil || counts[topic] != int(partitions) {
			return false, "it is not known yet", err
		}
		described, err := client.admin.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return false, "", err
		}
		config, err := described.On(topic, nil)
		return err == nil && config.Err == nil, "its configs are not known yet", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

func compacted() map[string]string { return map[string]string{"cleanup.policy": compact} }

// put writes records as somebody else would.
func put(t *testing.T, client *Client, topic string, partition int32, pairs ...[2]string) {
	t.Helper()
	records := make([]*kgo.Record, len(pairs))
	for i, pair := range pairs {
		records[i] = record(topic, partition, pair[0], pair[1])
	}
	if err := client.write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// record makes a record; a value of "" is a tombstone.
func record(topic string, partition int32, key, value string) *kgo.Record {
	record := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key)}
	if value != "" {
		record.Value = []byte(value)
	}
	return record
}

// exact makes an exact document of partitions and offsets in turn.
func exact(t *testing.T, texts ...string) offset.Document {
	t.Helper()
	var entries []offset.Entry
	for i := 0; i < len(texts); i += 2 {
		entries = append(entries, offset.Entry{Partition: rawjsontest.Value(t, texts[i]), Offset: rawjsontest.Value(t, texts[i+1])})
	}
	document, err := offset.NewExact(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// text is a document as the bytes it is made of, in order.
func text(document offset.Document) string {
	var text string
	for _, entry := range document.Entries() {
		text += entry.Partition.String() + "=" + entry.Offset.String() + " "
	}
	return text
}
