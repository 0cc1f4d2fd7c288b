package family

import (
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

func TestDescriptionsAreComplete(t *testing.T) {
	families, err := parse(described)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, family := range families {
		for _, class := range family.Classes {
			if other, twice := seen[class]; twice && len(family.When) == 0 && !slices.ContainsFunc(families, func(f Family) bool { return f.Name == other && len(f.When) > 0 }) {
				t.Errorf("class %s is of %s and of %s, and no setting tells them apart", class, other, family.Name)
			}
			seen[class] = family.Name
		}
	}
}

func TestDescriptionsAreReadStrictly(t *testing.T) {
	for name, text := range map[string]string{
		"unknown field":  "families: [{name: a, classes: [b], kind: source, position: framework, say: c, pos: d}]",
		"no class":       "families: [{name: a, kind: source, position: framework, say: c}]",
		"other position": "families: [{name: a, classes: [b], kind: source, position: group, say: c}]",
		"other verdict":  "families: [{name: a, classes: [b], kind: source, position: framework, say: c, keep: [{setting: x, verdict: maybe, why: y}]}]",
		"no why":         "families: [{name: a, classes: [b], kind: source, position: framework, say: c, keep: [{setting: x, verdict: loss}]}]",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestClassesAreFoundAsConnectFindsThem(t *testing.T) {
	for class, want := range map[string]string{
		"org.apache.kafka.connect.mirror.MirrorSourceConnector":                         "MirrorMaker 2 source",
		"MirrorSourceConnector":                                                         "MirrorMaker 2 source",
		"MirrorSource":                                                                  "MirrorMaker 2 source",
		"io.debezium.connector.mariadb.MariaDbConnector":                                "Debezium MySQL",
		"io.aiven.connect.jdbc.JdbcSourceConnector":                                     "JDBC source",
		"org.apache.camel.kafkaconnector.awssqssource.CamelAwssqssourceSourceConnector": "message queue source",
		"com.github.themeetgroup.kafka.connect.rabbitmq.source.RabbitMQSourceConnector": "message queue source",
		"S3SinkConnector":                                                               "object storage sink",
		"GcsSinkConnector":                                                              "object storage sink",
		"com.example.OwnSource":                                                         "unknown",
		"":                                                                              "unknown",
		"MirrorSourceConnector2":                                                        "unknown",
	} {
		if got := ofClass(class).Name; got != want {
			t.Errorf("%q is %s, want %s", class, got, want)
		}
	}
	if ofClass("com.example.OwnSource").Known() || !ofClass("FileStreamSource").Known() {
		t.Error("what is described is not told apart from what is not")
	}
}

// ofClass returns the family of a class, whatever the rest of its config is.
func ofClass(class string) Family {
	return For(rawjson.Object{}.With("connector.class", rawjson.String(class)))
}

const (
	postgres = "io.debezium.connector.postgresql.PostgresConnector"
	mariadb  = "io.debezium.connector.mariadb.MariaDbConnector"
)

func TestJudge(t *testing.T) {
	const s3source = "io.aiven.kafka.connect.s3.source.S3SourceConnector"
	for name, c := range map[string]struct {
		origin, changed string // settings as "key=value ..."
		rename          bool
		offsets         string
		want            Verdict // the gravest, "" for none
		says            string
	}{
		"nothing speaks against":       {origin: "connector.class=" + postgres + " topic.prefix=p"},
		"slot dropped at the stop":     {origin: "connector.class=" + postgres + " slot.drop.on.stop=TRUE", want: Loss, says: "slot.drop.on.stop"},
		"slot dropped, unset by copy":  {origin: "connector.class=" + postgres + " slot.drop.on.stop=true", changed: "slot.drop.on.stop=false", want: Loss, says: "slot would be dropped"},
		"another prefix":               {origin: "connector.class=" + postgres + " topic.prefix=p", changed: "topic.prefix=q", want: Twice, says: "topic.prefix differs"},
		"the default is no change":     {origin: "connector.class=" + postgres, changed: "slot.name=debezium"},
		"another slot":                 {origin: "connector.class=" + postgres, changed: "slot.name=two", want: Loss, says: "new slot"},
		"snapshot under way":           {origin: "connector.class=" + postgres, offsets: `[{"partition":{"server":"p"},"offset":{"lsn":1,"snapshot":"INITIAL"}}]`, want: Twice, says: "not finished"},
		"snapshot at its end":          {origin: "connector.class=" + postgres, offsets: `[{"partition":{"server":"p"},"offset":{"lsn":1,"snapshot":true,"last_snapshot_record":true}}]`},
		"no snapshot":                  {origin: "connector.class=" + postgres, offsets: `[{"partition":{"server":"p"},"offset":{"lsn":1,"snapshot":"false"}}]`},
		"between two rows":             {origin: "connector.class=" + mariadb, offsets: `[{"partition":{"server":"p"},"offset":{"file":"b.1","pos":4,"row":1}}]`, want: Warn, says: "lose a transaction"},
		"between rows of an event":     {origin: "connector.class=" + mariadb, offsets: `[{"partition":{"server":"p"},"offset":{"file":"b.1","pos":4,"row":1,"event":2}}]`},
		"between rows with GTIDs":      {origin: "connector.class=" + mariadb, offsets: `[{"partition":{"server":"p"},"offset":{"file":"b.1","pos":4,"row":1,"gtids":"0-1-5"}}]`},
		"before the first row":         {origin: "connector.class=" + mariadb, offsets: `[{"partition":{"server":"p"},"offset":{"file":"b.1","pos":4,"row":0}}]`},
		"event without a number":       {origin: "connector.class=" + mariadb, offsets: `[{"partition":{"server":"p"},"offset":{"file":"b.1","pos":4,"row":3,"event":0,"gtids":null}}]`, want: Warn, says: "lose a transaction"},
		"keys of another version":      {origin: "connector.class=" + postgres, offsets: `[{"partition":{"srv":"p"},"offset":{"lsn":1}}]`, want: Warn, says: "older version"},
		"another kind":                 {origin: "connector.class=" + postgres, changed: "connector.class=MirrorSourceConnector", want: Loss, says: "another kind"},
		"another unknown class":        {origin: "connector.class=a.B", changed: "connector.class=a.C", want: Loss, says: "not known"},
		"another class of the kind":    {origin: "connector.class=io.confluent.connect.jdbc.JdbcSourceConnector mode=incrementing", changed: "connector.class=io.aiven.connect.jdbc.JdbcSourceConnector", want: Warn, says: "same kind"},
		"a table becomes a query":      {origin: "connector.class=io.confluent.connect.jdbc.JdbcSourceConnector mode=incrementing", changed: "query=SELECT", want: Loss, says: "another kind"},
		"bulk mode":                    {origin: "connector.class=io.confluent.connect.jdbc.JdbcSourceConnector", want: Twice, says: "bulk"},
		"another alias":                {origin: "connector.class=MirrorSource source.cluster.alias=a", changed: "source.cluster.alias=b", want: Twice, says: "partition key"},
		"another separator":            {origin: "connector.class=MirrorSource", changed: "replication.policy.separator=_", want: Loss, says: "other names"},
		"file moved with the worker":   {origin: "connector.class=FileStreamSource file=/a", changed: "file=/b", want: Twice, says: "first line"},
		"keys drawn by lot":            {origin: "connector.class=" + s3source, want: Twice, says: "proves nothing"},
		"iceberg under another name":   {origin: "connector.class=org.apache.iceberg.connect.IcebergSinkConnector", rename: true, want: Loss, says: "as that of group connect-a-coord, and the copy would look for that of group connect-b-coord; leave its name, or --set iceberg.connect.group-id=connect-a"},
		"iceberg with another prefix":  {origin: "connector.class=org.apache.iceberg.connect.IcebergSinkConnector iceberg.control.group-id-prefix=p", rename: true, want: Loss, says: "control group"},
		"iceberg of Tabular's":         {origin: "connector.class=io.tabular.iceberg.connect.IcebergSinkConnector iceberg.control.group-id=g", changed: "iceberg.control.group-id=h", want: Loss, says: "of group g and g-coord, and the copy would look for that of group h and h-coord"},
		"iceberg made Tabular's":       {origin: "connector.class=org.apache.iceberg.connect.IcebergSinkConnector", changed: "connector.class=io.tabular.iceberg.connect.IcebergSinkConnector", want: Loss, says: "cg-control-a"},
		"iceberg that keeps its group": {origin: "connector.class=org.apache.iceberg.connect.IcebergSinkConnector", changed: "iceberg.connect.group-id=connect-a", rename: true},
		"adapter by its default":       {origin: "connector.class=io.debezium.connector.oracle.OracleConnector", changed: "database.connection.adapter=logminer"},
		"another adapter":              {origin: "connector.class=io.debezium.connector.oracle.OracleConnector", changed: "database.connection.adapter=xstream", want: Loss, says: "one adapter"},
		"old history in a file":        {origin: "connector.class=io.debezium.connector.oracle.OracleConnector database.history=io.debezium.relational.history.FileDatabaseHistory", want: Loss, says: "own file"},
		"method by its default":        {origin: "connector.class=com.snowflake.kafka.connector.SnowflakeSinkConnector", changed: "snowflake.ingestion.method=SNOWPIPE"},
		"alias by its default":         {origin: "connector.class=MirrorSource", changed: "target.cluster.alias=target"},
		"iceberg with a group":         {origin: "connector.class=org.apache.iceberg.connect.IcebergSinkConnector iceberg.connect.group-id=g", rename: true},
		"snowflake":                    {origin: "connector.class=com.snowflake.kafka.connector.SnowflakeSinkConnector", rename: true, want: Loss, says: "stages"},
		"object storage":               {origin: "connector.class=io.confluent.connect.s3.S3SinkConnector", rename: true, want: Warn, says: "another name"},
		"postgres under another name":  {origin: "connector.class=" + postgres, rename: true},
	} {
		t.Run(name, func(t *testing.T) {
			origin := with(rawjson.Object{}, c.origin)
			judged := Case{Origin: origin, Copy: with(origin, c.changed), Name: "a", CopyName: "a"}
			if c.rename {
				judged.CopyName = "b"
			}
			if c.offsets != "" {
				judged.Offsets = document(t, c.offsets)
			}
			var gravest Verdict
			var said []string
			for _, finding := range For(origin).Judge(judged) {
				said = append(said, string(finding.Verdict)+": "+finding.Reason)
				if gravity(finding.Verdict) > gravity(gravest) {
					gravest = finding.Verdict
				}
			}
			if gravest != c.want || !strings.Contains(strings.Join(said, "\n"), c.says) {
				t.Errorf("found %q, want %q that says %q", said, c.want, c.says)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		class, a, b string
		order       int
		comparable  bool
	}{
		{postgres, `{"lsn_commit":9,"lsn":70}`, `{"lsn_commit":10,"lsn":60}`, -1, true},
		{postgres, `{"lsn":7}`, `{"lsn_commit":10}`, 0, false},
		{postgres, `{"lsn_commit":9007199254740993}`, `{"lsn_commit":9007199254740992}`, 1, true},
		{"io.debezium.connector.mysql.MySqlConnector", `{"file":"bin.999999","pos":9}`, `{"file":"bin.1000000","pos":4}`, -1, true},
		{"io.debezium.connector.mysql.MySqlConnector", `{"file":"bin.7","pos":9}`, `{"file":"bin.7","pos":9,"row":1}`, 0, false},
		{"io.debezium.connector.mysql.MySqlConnector", `{"file":"bin.7","pos":9,"row":2}`, `{"file":"bin.7","pos":9,"row":1}`, 1, true},
		{"io.debezium.connector.oracle.OracleConnector", `{"scn":"999"}`, `{"scn":"1000"}`, -1, true},
		{"io.debezium.connector.sqlserver.SqlServerConnector", `{"commit_lsn":"00000027:00000ac0:0002","change_lsn":null}`, `{"commit_lsn":"00000027:00000ac0:0003","change_lsn":null}`, -1, true},
		{"io.aiven.connect.jdbc.JdbcSourceConnector", `{"incrementing":42}`, `{"incrementing":41}`, 1, true},
		{"io.aiven.connect.jdbc.JdbcSourceConnector", `{"timestamp":5,"timestamp_nanos":0,"incrementing":9}`, `{"timestamp":6,"timestamp_nanos":0,"incrementing":1}`, -1, true},
		{"a.Unknown", `{"n":1}`, `{"n":2}`, 0, false},
	} {
		order, comparable := ofClass(c.class).Compare(rawjsontest.Value(t, c.a), rawjsontest.Value(t, c.b))
		if order != c.order || comparable != c.comparable {
			t.Errorf("%s: %s against %s: %d, %v", c.class, c.a, c.b, order, comparable)
		}
	}
	earlier := document(t, `[{"partition":{"server":"p"},"offset":{"lsn_commit":9,"txId":1}},{"partition":{"server":"q"},"offset":{"lsn_commit":1}}]`)
	later := document(t, `[{"partition":{"server":"p"},"offset":{"lsn_commit":8,"txId":2}}]`)
	if got := ofClass(postgres).Regressed(earlier, later); len(got) != 2 {
		t.Errorf("regressed: %v", got)
	}
	if got := ofClass(postgres).Regressed(later, later); len(got) != 0 {
		t.Errorf("regressed: %v", got)
	}
}

func gravity(verdict Verdict) int { return slices.Index([]Verdict{Warn, Twice, Loss}, verdict) }

func with(config rawjson.Object, settings string) rawjson.Object {
	for _, setting := range strings.Fields(settings) {
		key, value, _ := strings.Cut(setting, "=")
		config = config.With(key, rawjson.String(value))
	}
	return config
}

func document(t *testing.T, entries string) offset.Document {
	t.Helper()
	document, err := offset.Parse(rawjsontest.Value(t, `{"offsets":`+entries+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return document
}
