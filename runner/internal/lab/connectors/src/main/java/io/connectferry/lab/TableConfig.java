package io.connectferry.lab;

import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;

/** The settings of {@link TableSource}. */
class TableConfig extends AbstractConfig {
  static final String URL = "connection.url";
  static final String USER = "connection.user";
  static final String PASSWORD = "connection.password";
  static final String TABLE = "table";
  static final String QUERY = "query";
  static final String TIMESTAMP_COLUMN = "timestamp.column.name";
  static final String INCREMENTING_COLUMN = "incrementing.column.name";
  static final String SEQUENCE_COLUMN = "sequence.column.name";
  static final String POLL_INTERVAL = "poll.interval.ms";
  static final String BATCH = "batch.max.rows";
  static final String TOPIC = "topic";

  static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(URL, Type.STRING, Importance.HIGH, "JDBC URL")
          .define(USER, Type.STRING, "", Importance.HIGH, "user of the database")
          .define(PASSWORD, Type.PASSWORD, "", Importance.HIGH, "its password")
          .define(TABLE, Type.STRING, Importance.HIGH, "table: CATALOG.SCHEMA.TABLE")
          .define(QUERY, Type.STRING, "", Importance.MEDIUM,
              "query to poll instead of the table, which then only names the records' key")
          .define(TIMESTAMP_COLUMN, Type.STRING, "UPDATED_AT", Importance.LOW,
              "column that grows with every change")
          .define(INCREMENTING_COLUMN, Type.STRING, "ID", Importance.LOW,
              "column that tells rows of one timestamp apart")
          .define(SEQUENCE_COLUMN, Type.STRING, "SEQUENCE", Importance.LOW,
              "column that becomes the record's value")
          .define(POLL_INTERVAL, Type.LONG, 200L, Range.atLeast(1), Importance.LOW,
              "milliseconds between two looks at a table that had no new rows")
          .define(BATCH, Type.INT, 500, Range.atLeast(1), Importance.LOW, "most rows of one poll")
          .define(TOPIC, Type.STRING, Importance.HIGH, "topic to write to");

  TableConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }
}
