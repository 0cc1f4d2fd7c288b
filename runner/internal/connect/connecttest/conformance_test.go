package connecttest

import (
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func TestConformance(t *testing.T) {
	for name, options := range map[string][]Option{
		"OneWorker":    nil,
		"ThreeWorkers": {WithWorkers(3)},
		"Version3.7":   {WithVersion("3.7.0")},
	} {
		t.Run(name, func(t *testing.T) {
			RunConformance(t, func(t *testing.T, test func(*testing.T, Subject)) {
				synctest.Test(t, func(t *testing.T) {
					cluster := New(options...)
					t.Cleanup(cluster.Close)
					test(t, Subject{
						Client:     cluster.Client(),
						Topic:      func() string { return "topic-" + nextID() },
						Source:     SourceConfig,
						Number:     "sequence",
						Required:   "topic",
						OrderedMap: func(topic string) rawjson.Object { return OrderedMapConfig(topic, 1) },
						Sink:       func(topic string) rawjson.Object { return SinkConfig(topic, topic+"-copy") },
					})
				})
			})
		})
	}
}
