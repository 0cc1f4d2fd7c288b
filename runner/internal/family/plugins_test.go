package family

import (
	"maps"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// publication is a plugin on Maven Central and what is asked of it.
type publication struct {
	plugin     lab.Plugin // the zero value: Kafka's own
	connectors []string   // classes in families.yaml
	// partitions are what makes the source partitions of each, as class#method.
	partitions map[string]string
	// further are classes of its with settings that no ConfigDef has, or that
	// families.yaml names as values.
	further []string
}

func (p publication) makers() []string { return slices.Sorted(maps.Values(p.partitions)) }

// published are the newest plugins that Maven can get with what their configs need, and one of
// Debezium's first line, whose settings have other names.
var published = []publication{
	{
		connectors: []string{
			"org.apache.kafka.connect.mirror.MirrorSourceConnector", "org.apache.kafka.connect.mirror.MirrorCheckpointConnector",
			"org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
			"org.apache.kafka.connect.file.FileStreamSourceConnector", "org.apache.kafka.connect.file.FileStreamSinkConnector",
		},
		partitions: map[string]string{
			"org.apache.kafka.connect.mirror.MirrorSourceConnector":     "org.apache.kafka.connect.mirror.MirrorUtils#wrapPartition",
			"org.apache.kafka.connect.mirror.MirrorCheckpointConnector": "org.apache.kafka.connect.mirror.Checkpoint#connectPartition",
			"org.apache.kafka.connect.mirror.MirrorHeartbeatConnector":  "org.apache.kafka.connect.mirror.Heartbeat#connectPartition",
			"org.apache.kafka.connect.file.FileStreamSourceConnector":   "org.apache.kafka.connect.file.FileStreamSourceTask#offsetKey",
		},
	},
	debezium("postgres", lab.DebeziumVersion("postgres"), "postgresql.Postgres"),
	debezium("mysql", "3.6.1.Final", "mysql.MySql", histories...),
	debezium("mariadb", "3.5.0.Final", "mariadb.MariaDb", histories...),
	debezium("sqlserver", "3.6.1.Final", "sqlserver.SqlServer", histories...),
	without(debezium("oracle", "3.6.1.Final", "oracle.Oracle", histories...), "org.infinispan", "com.oracle.database.xml", "org.ehcache"),
	debezium("mongodb", "3.6.1.Final", "mongodb.MongoDb"),
	debezium("postgres", "1.9.7.Final", "postgresql.Postgres"),
	debezium("mysql", "1.9.7.Final", "mysql.MySql", oldHistories...),
	debezium("sqlserver", "1.9.7.Final", "sqlserver.SqlServer", oldHistories...),
	debezium("oracle", "1.9.7.Final", "oracle.Oracle", oldHistories...),
	{
		plugin:     lab.Plugin{Group: "io.debezium", Name: "debezium-connector-mongodb", Version: "1.9.7.Final"},
		connectors: []string{"io.debezium.connector.mongodb.MongoDbConnector"},
		partitions: map[string]string{"io.debezium.connector.mongodb.MongoDbConnector": "io.debezium.connector.mongodb.ReplicaSetPartition#getSourcePartition"},
	},
	{
		plugin:     lab.Plugin{Group: "io.debezium", Name: "debezium-connector-jdbc", Version: "3.5.0.Final"},
		connectors: []string{"io.debezium.connector.jdbc.JdbcSinkConnector"},
	},
	{
		plugin:     lab.Plugin{Group: "org.apache.iceberg", Name: "iceberg-kafka-connect", Version: "1.12.0"},
		connectors: []string{iceberg},
		further:    []string{icebergGroup},
	},
	{
		plugin:     lab.Plugin{Group: "com.snowflake", Name: "snowflake-kafka-connector", Version: "2.5.0", Without: []string{"io.confluent", "net.snowflake"}},
		connectors: []string{"com.snowflake.kafka.connector.SnowflakeSinkConnector"},
	},
	{
		plugin:     lab.Plugin{Group: "com.google.cloud", Name: "pubsub-group-kafka-connector", Version: "1.3.3"},
		connectors: []string{"com.google.pubsub.kafka.source.CloudPubSubSourceConnector", "com.google.pubsublite.kafka.source.PubSubLiteSourceConnector"},
	},
	{
		plugin:     lab.Plugin{Group: "com.github.jcustenborder.kafka.connect", Name: "kafka-connect-rabbitmq", Version: "0.0.2.16"},
		connectors: []string{"com.github.jcustenborder.kafka.connect.rabbitmq.RabbitMQSourceConnector"},
	},
}

// histories are where Debezium keeps the history of a schema, by default the first.
var (
	histories = []string{
		"io.debezium.storage.kafka.history.KafkaSchemaHistory", "io.debezium.storage.file.history.FileSchemaHistory",
		"io.debezium.relational.history.MemorySchemaHistory",
	}
	oldHistories = []string{"io.debezium.relational.history.FileDatabaseHistory", "io.debezium.relational.history.MemoryDatabaseHistory"}
)

// debezium is a source connector of Debezium's, whose classes begin with prefix.
func debezium(name, version, prefix string, further ...string) publication {
	class := "io.debezium.connector." + prefix
	return publication{
		plugin:     lab.Plugin{Group: "io.debezium", Name: "debezium-connector-" + name, Version: version},
		connectors: []string{class + "Connector"},
		partitions: map[string]string{class + "Connector": class + "Partition#getSourcePartition"},
		further:    further,
	}
}

func without(p publication, groups ...string) publication {
	p.plugin.Without = groups
	return p
}

// undefined are settings that connectors read without defining them.
var undefined = map[string]string{
	"source.cluster.bootstrap.servers": "MirrorMaker hands what begins with source.cluster. to its clients; TestMirrorTailIsCounted runs with it",
	"target.cluster.bootstrap.servers": "MirrorMaker hands what begins with target.cluster. to its clients; TestMirrorTailIsCounted runs with it",
	"iceberg.kafka.bootstrap.servers":  "the sink hands what begins with iceberg.kafka. to its clients",
	"iceberg.control.group-id":         "it is of " + tabular + ", which is not published",
}

// formerly are the fields of the partitions of old versions, where they were others.
var formerly = map[string][]string{"debezium-connector-sqlserver 1.9.7.Final": {"server"}}

// drawn are settings whose default is drawn by lot at each start.
var drawn = map[string]string{"database.server.id": "until Debezium 1.9, from 5400 to 6400"}

const (
	iceberg = "org.apache.iceberg.connect.IcebergSinkConnector"
	tabular = "io.tabular.iceberg.connect.IcebergSinkConnector"
	// icebergGroup says what its group is named after; its Coordinator adds -coord.
	icebergGroup = "org.apache.iceberg.connect.IcebergSinkConfig()connectGroupId"
)

const (
	confluent = "Confluent's connectors are in its own repository and Hub, Maven Central has none of them"
	aiven     = "Maven finds no version of io.aiven's connectors"
	archive   = "it is released as an archive, Maven finds no version of it"
	camel     = "a prefix; Maven finds no version of org.apache.camel.kafkaconnector's"
)

// unpublished are the classes that are held against no code, and why.
var unpublished = map[string]string{
	"io.confluent.connect.jdbc.JdbcSourceConnector":                                 confluent,
	"io.confluent.connect.jdbc.JdbcSinkConnector":                                   confluent,
	"io.confluent.connect.ibm.mq.IbmMQSourceConnector":                              confluent,
	"io.confluent.connect.jms.JmsSourceConnector":                                   confluent,
	"io.confluent.connect.activemq.ActiveMQSourceConnector":                         confluent,
	"io.confluent.connect.mqtt.MqttSourceConnector":                                 confluent,
	"io.confluent.connect.sqs.source.SqsSourceConnector":                            confluent,
	"io.confluent.connect.rabbitmq.RabbitMQSourceConnector":                         confluent,
	"io.confluent.connect.gcp.pubsub.PubSubSourceConnector":                         confluent,
	"io.confluent.connect.hdfs.HdfsSinkConnector":                                   confluent,
	"io.confluent.connect.hdfs3.Hdfs3SinkConnector":                                 confluent,
	"io.confluent.connect.s3.S3SinkConnector":                                       confluent,
	"io.confluent.connect.gcs.GcsSinkConnector":                                     confluent,
	"io.confluent.connect.elasticsearch.ElasticsearchSinkConnector":                 confluent,
	"io.confluent.connect.http.HttpSinkConnector":                                   confluent,
	"io.aiven.connect.jdbc.JdbcSourceConnector":                                     aiven,
	"io.aiven.connect.jdbc.JdbcSinkConnector":                                       aiven,
	"io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector":                    aiven,
	"io.aiven.kafka.connect.gcs.GcsSinkConnector":                                   aiven,
	"io.aiven.connect.elasticsearch.ElasticsearchSinkConnector":                     aiven,
	"io.aiven.kafka.connect.opensearch.OpensearchSinkConnector":                     aiven,
	"io.aiven.kafka.connect.http.HttpSinkConnector":                                 aiven,
	"io.aiven.kafka.connect.s3.source.S3SourceConnector":                            aiven,
	"io.aiven.kafka.connect.azure.source.AzureBlobSourceConnector":                  aiven,
	"io.aiven.kafka.connect.gcs.source.GcsSourceConnector":                          aiven,
	"com.ibm.eventstreams.connect.mqsource.MQSourceConnector":                       archive,
	"com.datamountaineer.streamreactor.connect.mqtt.source.MqttSourceConnector":     archive,
	"com.datamountaineer.streamreactor.connect.jms.source.JMSSourceConnector":       archive,
	"io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector":               archive,
	"io.lenses.streamreactor.connect.jms.source.JMSSourceConnector":                 archive,
	"com.nordstrom.kafka.connect.sqs.SqsSourceConnector":                            archive,
	"com.github.themeetgroup.kafka.connect.rabbitmq.source.RabbitMQSourceConnector": archive,
	tabular: archive,
	"com.snowflake.kafka.connector.SnowflakeStreamingSinkConnector": "it is of Snowflake's connector 4, Maven finds none newer than 2.5.0",
	"org.apache.camel.kafkaconnector.sjms2.":                        camel,
	"org.apache.camel.kafkaconnector.jms.":                          camel,
	"org.apache.camel.kafkaconnector.awssqssource.":                 camel,
	"org.apache.camel.kafkaconnector.mqttsource.":                   camel,
}
