package io.connectferry.lab;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.SourceConnector;

/**
 * A source that acknowledges in its source system, as those of JMS, MQTT and SQS do: the messages
 * are files of a folder, named by their number, and a file is deleted when its record was
 * acknowledged. Its offsets in Connect mean nothing. One task.
 */
public class QueueSource extends SourceConnector {
  static final String FOLDER = "folder";
  static final String TOPIC = "topic";

  private Map<String, String> config;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public ConfigDef config() {
    return new ConfigDef()
        .define(FOLDER, Type.STRING, Importance.HIGH, "folder of the messages")
        .define(TOPIC, Type.STRING, Importance.HIGH, "topic to write to");
  }

  @Override
  public Class<? extends Task> taskClass() {
    return QueueTask.class;
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
}
