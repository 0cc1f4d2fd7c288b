package family_test

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Connect: []lab.ConnectSpec{{Name: "global", Kafka: "central", Debezium: true, Iceberg: true}, {Name: "europe", Kafka: "central", Debezium: true, Iceberg: true}, {
			// Its sink commits soon: a MirrorCheckpointConnector has no task before a group has committed.
			Name: "plant", Kafka: "factory", Properties: map[string]string{"offset.flush.interval.ms": "5000"},
		}},
	})
}
