package family

import (
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestSecondPosition: on another Kafka a second position is not true, whatever is said of
// the topics, unless it is one of the topics themselves.
func TestSecondPosition(t *testing.T) {
	const (
		snowflake = "com.snowflake.kafka.connector.SnowflakeSinkConnector"
		s3        = "io.confluent.connect.s3.S3SinkConnector"
		hdfs      = "io.confluent.connect.hdfs3.Hdfs3SinkConnector"
	)
	for name, c := range map[string]struct {
		origin, changed string
		other           bool
		sameLog, topics bool
		refused         string // "" for not
	}{
		"iceberg on the same Kafka":             {origin: iceberg},
		"iceberg on another":                    {origin: iceberg, other: true, refused: "taken for committed"},
		"iceberg with the same log":             {origin: iceberg, other: true, sameLog: true, refused: "the snapshots of its tables"},
		"iceberg with other topics":             {origin: iceberg, other: true, topics: true, refused: "the snapshots of its tables"},
		"snowflake on another":                  {origin: snowflake, other: true, refused: "--same-log"},
		"snowflake with the same log":           {origin: snowflake, other: true, sameLog: true},
		"snowflake with other topics":           {origin: snowflake, other: true, topics: true},
		"hdfs on another":                       {origin: hdfs, other: true, refused: "goes on from the last of them"},
		"objects on another":                    {origin: s3 + " s3.bucket.name=a", other: true, refused: "replaces it"},
		"objects in another bucket":             {origin: s3 + " s3.bucket.name=a", changed: "s3.bucket.name=b", other: true},
		"objects with the same log":             {origin: s3, other: true, sameLog: true},
		"a sink without":                        {origin: "io.confluent.connect.jdbc.JdbcSinkConnector", other: true},
		"a control topic in a Kafka of its own": {origin: iceberg + " iceberg.kafka.bootstrap.servers=k:9092", other: true, refused: "taken for committed"},
	} {
		origin := with(rawjson.Object{}, "connector.class="+c.origin)
		var refused []string
		for _, finding := range For(origin).Judge(Case{
			Origin: origin, Copy: with(origin, c.changed), Name: "a", CopyName: "a", OtherKafka: c.other, SameLog: c.sameLog, OtherTopics: c.topics,
		}) {
			if finding.Verdict == Loss {
				refused = append(refused, finding.Reason)
			}
		}
		if said := strings.Join(refused, "\n"); (said == "") != (c.refused == "") || !strings.Contains(said, c.refused) {
			t.Errorf("%s: refused for %q, want %q", name, said, c.refused)
		}
	}
}

func TestSecondGroups(t *testing.T) {
	for settings, want := range map[string][]string{
		"connector.class=org.apache.iceberg.connect.IcebergSinkConnector":                                        {"connect-a-coord"},
		"connector.class=org.apache.iceberg.connect.IcebergSinkConnector iceberg.connect.group-id=g":             {"g-coord"},
		"connector.class=org.apache.iceberg.connect.IcebergSinkConnector iceberg.kafka.bootstrap.servers=k:9092": nil,
		"connector.class=io.tabular.iceberg.connect.IcebergSinkConnector":                                        {"cg-control-a", "cg-control-a-coord"},
		"connector.class=IcebergSink":                                          {"connect-a-coord", "cg-control-a", "cg-control-a-coord"}, // either
		"connector.class=com.snowflake.kafka.connector.SnowflakeSinkConnector": nil,
		"connector.class=io.confluent.connect.jdbc.JdbcSinkConnector":          nil,
	} {
		config := with(rawjson.Object{}, settings)
		if got := For(config).SecondGroups("a", config); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", settings, got, want)
		}
	}
}
