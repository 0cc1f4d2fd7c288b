package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "kafka"}},
		Connect: []lab.ConnectSpec{
			{Name: "current", Kafka: "kafka", Properties: map[string]string{
				"task.shutdown.graceful.timeout.ms": strconv.FormatInt(grace.Milliseconds(), 10),
			}},
			{Name: "v36", Kafka: "kafka", Version: "3.6.2"},
			{Name: "v34", Kafka: "kafka", Version: "3.4.1"},
			{Name: "exact", Kafka: "kafka", Properties: map[string]string{"exactly.once.source.support": "enabled"}},
			{Name: "v28", Kafka: "kafka", Version: "2.8.2"},
		},
	})
}

// names counts the names that were given.
var names atomic.Int64

// grace is less than Connect's default of 5 s, to save time.
const grace = 3 * time.Second

func labSubject(t *testing.T, cluster *lab.Connect) conformance.RawSubject {
	t.Helper()
	client, err := connect.New(connect.Options{Workers: cluster.URLs()})
	if err != nil {
		t.Fatal(err)
	}
	broker, err := kafka.Open(t.Context(), kafka.Config{Brokers: []string{cluster.Kafka().Bootstrap()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	// Files of sinks. Connectors end after the test, so it may not be in its way.
	folder := t.TempDir()
	bootstrap := cluster.Kafka().Bootstrap()
	raw := conformance.RawSubject{
		Offsets: broker.OffsetLog(cluster.OffsetsTopic()), Config: broker.ConfigLog(cluster.ConfigTopic()), Groups: broker,
		Last: func(ctx context.Context, topic string) (map[string]int64, error) {
			tally, err := lab.Count(ctx, bootstrap, topic)
			if errors.Is(err, lab.ErrNoTopic) {
				return nil, nil // nothing was sent yet
			}
			last := map[string]int64{}
			for stream, counted := range tally {
				last[stream] = counted.Last
			}
			return last, err
		},
		Consumed: func(_ context.Context, topic string) (int, error) {
			content, err := os.ReadFile(filepath.Join(folder, topic))
			if errors.Is(err, fs.ErrNotExist) {
				return 0, nil
			}
			return bytes.Count(content, []byte("\n")), err
		},
		Produce: func(ctx context.Context, topic string, records int) error {
			return produce(ctx, bootstrap, topic, records)
		},
		TopicOf: func(topic string) conformance.RawOffsets { return broker.OffsetLog(topic) },
		Hang: func(ctx context.Context) error {
			return cluster.Kafka().Hang(ctx, cluster.OffsetsTopic(), 0, cluster.Name()+"-hanging")
		},
		Unhang: func(ctx context.Context) error {
			hanging, ok := errors.AsType[*kafka.HangingError](broker.OffsetLog(cluster.OffsetsTopic()).Hanging(ctx))
			if !ok {
				return nil // ended before
			}
			return cluster.Kafka().Abort(ctx, cluster.OffsetsTopic(), 0, hanging.Transactions[0].StartOffset)
		},
		Subject: subject(cluster, client, broker, folder),
	}
	if cluster.Name() == "exact" {
		raw.Fencer = broker.Fencer(cluster.GroupID())
	}
	return raw
}

// produce makes a topic with one partition and that many records.
func produce(ctx context.Context, bootstrap, topic string, records int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		return err
	}
	for number := range records {
		if err := client.ProduceSync(ctx, kgo.StringRecord(strconv.Itoa(number))).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func subject(cluster *lab.Connect, client *connect.Client, broker *kafka.Client, folder string) conformance.Subject {
	return conformance.Subject{
		Client: client,
		Grace:  grace,
		Status: broker.StatusLog(cluster.StatusTopic()),
		Topic:  func() string { return cluster.Name() + "-" + strconv.FormatInt(names.Add(1), 10) },
		// The fake takes the configs of the lab's source.
		Source:     connecttest.SourceConfig,
		Number:     "sequence",
		Required:   "topic",
		Listed:     connecttest.ListedConfig,
		OrderedMap: func(topic string) rawjson.Object { return connecttest.OrderedMapConfig(topic, 1) },
		Blocking:   connecttest.BlockingConfig,
		Sink: func(topic string) rawjson.Object {
			return connecttest.Config(map[string]string{
				"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "topics": topic, "tasks.max": "1",
				"file": filepath.Join(folder, topic),
			})
		},
	}
}

// TestConformanceOfKafkaConnect is what makes the fake's word count.
func TestConformanceOfKafkaConnect(t *testing.T) {
	started := labtest.Lab(t)
	subject := labSubject(t, started.Connect("current"))
	conformance.Run(t, func(t *testing.T, test func(*testing.T, conformance.Subject)) { test(t, subject.Subject) })
	for _, name := range []string{"v36", "v34", "v28"} {
		t.Run(name, func(t *testing.T) { conformance.RunOld(t, labSubject(t, started.Connect(name)).Subject) })
	}
}

func TestRawConformanceOfKafkaConnect(t *testing.T) {
	started := labtest.Lab(t)
	for _, name := range []string{"exact", "current", "v36", "v34", "v28"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each is a cluster of its own, which mostly waits
			subject := labSubject(t, started.Connect(name))
			conformance.RunRaw(t, func(t *testing.T, test func(*testing.T, conformance.RawSubject)) { test(t, subject) })
		})
	}
}
