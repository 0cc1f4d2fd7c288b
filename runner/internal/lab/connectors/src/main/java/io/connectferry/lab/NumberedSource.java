package io.connectferry.lab;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.source.ExactlyOnceSupport;
import org.apache.kafka.connect.source.SourceConnector;

/**
 * A source whose records are numbered, so that a lost and a repeated one can be told.
 *
 * <p>Each of its tasks sends a stream of its own, named {@code <stream.prefix>-<task>}: the records'
 * key is the stream, their value the sequence number in decimal. The source offset is the sequence
 * of the last record sent. With {@code streams} it sends those, each in a task. Some settings make it behave as badly as real connectors do.
 */
public class NumberedSource extends SourceConnector {
  private Map<String, String> config;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public ConfigDef config() {
    return NumberedConfig.DEFINITION;
  }

  @Override
  public Class<? extends Task> taskClass() {
    return NumberedTask.class;
  }

  @Override
  public void start(Map<String, String> properties) {
    config = properties;
  }

  @Override
  public void stop() {}

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    List<Map<String, String>> tasks = new ArrayList<>();
    List<String> streams = new NumberedConfig(config).getList(NumberedConfig.STREAMS);
    int count = streams.isEmpty() ? maxTasks : streams.size();
    for (int task = 0; task < count; task++) {
      Map<String, String> one = new HashMap<>(config);
      if (!streams.isEmpty()) {
        one.put(NumberedConfig.STREAM, streams.get(task));
      }
      one.put(NumberedConfig.TASK, Integer.toString(task));
      tasks.add(one);
    }
    return tasks;
  }

  @Override
  public boolean alterOffsets(
      Map<String, String> properties, Map<Map<String, ?>, Map<String, ?>> offsets) {
    for (Map.Entry<Map<String, ?>, Map<String, ?>> entry : offsets.entrySet()) {
      if (entry.getValue() == null) {
        continue; // A tombstone: always allowed, as in Kafka's own connectors.
      }
      Object sequence = entry.getValue().get(NumberedTask.SEQUENCE);
      if (!(sequence instanceof Long || sequence instanceof Integer)) {
        throw new ConnectException(
            "offset of partition " + entry.getKey() + " needs an integer field 'sequence'");
      }
    }
    return true;
  }

  @Override
  public ExactlyOnceSupport exactlyOnceSupport(Map<String, String> properties) {
    return ExactlyOnceSupport.SUPPORTED;
  }
}
