package connecttest

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func subjectOf(cluster *Cluster) conformance.Subject {
	return conformance.Subject{
		Client:     cluster.Client(),
		Status:     cluster.StatusLog(),
		Grace:      cluster.gracefulTimeout,
		Topic:      func() string { return "topic-" + nextID() },
		Source:     SourceConfig,
		Number:     "sequence",
		Required:   "topic",
		Listed:     ListedConfig,
		OrderedMap: func(topic string) rawjson.Object { return OrderedMapConfig(topic, 1) },
		Blocking:   BlockingConfig,
		Sink:       func(topic string) rawjson.Object { return SinkConfig(topic, topic+"-copy") },
	}
}

func rawSubjectOf(cluster *Cluster) conformance.RawSubject {
	last := func(_ context.Context, topic string) (map[string]int64, error) {
		highest := map[string]int64{}
		for _, record := range cluster.kafka.Records(topic) {
			highest[record.Stream] = max(highest[record.Stream], record.Number)
		}
		return highest, nil
	}
	raw := conformance.RawSubject{
		Subject: subjectOf(cluster), Offsets: cluster.OffsetTopic(""), Config: cluster.ConfigTopic(), Groups: cluster.kafka, Last: last,
		Consumed: func(_ context.Context, topic string) (int, error) {
			return len(cluster.kafka.Records(topic + "-copy")), nil
		},
		Produce: func(_ context.Context, topic string, records int) error {
			cluster.kafka.Produce(topic, 1, int64(records))
			return nil
		},
		TopicOf: func(topic string) conformance.RawOffsets { return cluster.OffsetTopic(topic) },
		Hang:    func(context.Context) error { cluster.Hang(); return nil },
		Unhang:  func(context.Context) error { cluster.Unhang(); return nil },
	}
	if cluster.exactlyOnce {
		raw.Fencer = cluster.Fencer()
	}
	return raw
}

func TestRawConformance(t *testing.T) {
	for name, options := range map[string][]Option{
		DefaultVersion: nil, "3.6.2": {WithVersion("3.6.2")}, "3.4.1": {WithVersion("3.4.1")}, "2.8.2": {WithVersion("2.8.2")},
		"ExactlyOnce": {WithExactlyOnce()}, "TwoWorkers": {WithWorkers(2)},
	} {
		t.Run(name, func(t *testing.T) {
			conformance.RunRaw(t, func(t *testing.T, test func(*testing.T, conformance.RawSubject)) {
				synctest.Test(t, func(t *testing.T) { test(t, rawSubjectOf(start(t, options...))) })
			})
		})
	}
}

func TestConformance(t *testing.T) {
	for name, options := range map[string][]Option{
		"OneWorker":    nil,
		"ThreeWorkers": {WithWorkers(3)},
		"Version3.7":   {WithVersion("3.7.2")},
	} {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, func(t *testing.T, test func(*testing.T, conformance.Subject)) {
				synctest.Test(t, func(t *testing.T) { test(t, subjectOf(start(t, options...))) })
			})
		})
	}
}

func TestOldConformance(t *testing.T) {
	for _, version := range []string{"3.6.2", "3.5.1", "3.4.1", "2.8.2", "7.6.1-ccs"} {
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { conformance.RunOld(t, subjectOf(start(t, WithVersion(version)))) })
		})
	}
}
