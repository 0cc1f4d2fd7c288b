package connecttest

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

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
		},
	})
}

// grace is less than Connect's default of 5 s, to save time.
const grace = 3 * time.Second

func labSubject(t *testing.T, cluster *lab.Connect) Subject {
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
	return Subject{
		Client: client,
		Grace:  grace,
		Status: broker.StatusLog(cluster.StatusTopic()),
		Topic:  func() string { return cluster.Name() + "-" + nextID() },
		// The fake takes the configs of the lab's source.
		Source:     SourceConfig,
		Number:     "sequence",
		Required:   "topic",
		OrderedMap: func(topic string) rawjson.Object { return OrderedMapConfig(topic, 1) },
		Blocking:   blockingConfig,
		Sink: func(topic string) rawjson.Object {
			return config(map[string]string{
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
	RunConformance(t, func(t *testing.T, test func(*testing.T, Subject)) { test(t, subject) })
	for _, name := range []string{"v36", "v34"} {
		t.Run(name, func(t *testing.T) { RunOldConformance(t, labSubject(t, started.Connect(name))) })
	}
}
