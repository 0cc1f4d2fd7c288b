package connecttest

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// startLab starts a lab that ends with the test.
func startLab(t *testing.T, clusters ...lab.ConnectSpec) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: a real Kafka and Kafka Connect take half a minute")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	started, err := lab.Start(ctx, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "kafka"}}, Connect: clusters, Progress: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(); err != nil {
			t.Error(err)
		}
	})
	return started
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
	started := startLab(t,
		lab.ConnectSpec{Name: "current", Kafka: "kafka", Properties: map[string]string{
			"task.shutdown.graceful.timeout.ms": strconv.FormatInt(grace.Milliseconds(), 10),
		}},
		lab.ConnectSpec{Name: "v36", Kafka: "kafka", Version: "3.6.2"},
		lab.ConnectSpec{Name: "v34", Kafka: "kafka", Version: "3.4.1"},
	)
	subject := labSubject(t, started.Connect("current"))
	RunConformance(t, func(t *testing.T, test func(*testing.T, Subject)) { test(t, subject) })
	for _, name := range []string{"v36", "v34"} {
		t.Run(name, func(t *testing.T) { RunOldConformance(t, labSubject(t, started.Connect(name))) })
	}
}
