package io.connectferry.lab;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;

/**
 * A source that polls a table by JDBC in timestamp and incrementing mode, with the source partition
 * and offset that JDBC sources in the field have:
 *
 * <pre>
 * {"protocol": "1", "table": "LAB.PUBLIC.ORDERS"}
 * {"timestamp_nanos": 123000000, "timestamp": 1764000000123, "incrementing": 42}
 * </pre>
 *
 * <p>With {@code query} the partition is {@code {"query": "query"}}. The records' key is the table, their value the row's sequence column in decimal. One task.
 */
public class TableSource extends SourceConnector {
  private Map<String, String> config;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public ConfigDef config() {
    return TableConfig.DEFINITION;
  }

  @Override
  public Class<? extends Task> taskClass() {
    return TableTask.class;
  }

  @Override
  public void start(Map<String, String> properties) {
    config = properties;
  }

  @Override
  public void stop() {}

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    return List.of(config);
  }

  @Override
  public boolean alterOffsets(
      Map<String, String> properties, Map<Map<String, ?>, Map<String, ?>> offsets) {
    for (Map.Entry<Map<String, ?>, Map<String, ?>> entry : offsets.entrySet()) {
      if (entry.getValue() == null) {
        continue; // A tombstone: always allowed, as in Kafka's own connectors.
      }
      for (String field : List.of(TableTask.TIMESTAMP, TableTask.NANOS, TableTask.INCREMENTING)) {
        if (!(entry.getValue().get(field) instanceof Number)) {
          throw new ConnectException(
              "offset of partition " + entry.getKey() + " needs a number in field '" + field + "'");
        }
      }
    }
    return true;
  }

  @Override
  public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> properties) {
    return ExactlyOnceSupport.SUPPORTED;
  }
}
