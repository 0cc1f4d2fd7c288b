package io.connectferry.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Takes the messages of a folder, each once in a run. */
public class QueueTask extends SourceTask {
  private static final int BATCH = 10;
  private static final long IDLE_MILLIS = 100;

  private final CountDownLatch stopped = new CountDownLatch(1);
  private final Set<Long> taken = new HashSet<>();
  private Path folder;
  private String topic;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public void start(Map<String, String> properties) {
    folder = Path.of(properties.get(QueueSource.FOLDER));
    topic = properties.get(QueueSource.TOPIC);
  }

  @Override
  public List<SourceRecord> poll() throws InterruptedException {
    stopped.await(IDLE_MILLIS, TimeUnit.MILLISECONDS);
    List<SourceRecord> records = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      files
          .map(file -> Long.parseLong(file.getFileName().toString()))
          .filter(number -> !taken.contains(number))
          .sorted()
          .limit(BATCH)
          .forEach(number -> records.add(record(number)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return records.isEmpty() ? null : records;
  }

  @Override
  public void commitRecord(SourceRecord record, RecordMetadata metadata) {
    try {
      Files.delete(folder.resolve((String) record.value()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void stop() {
    stopped.countDown();
  }

  private SourceRecord record(long number) {
    taken.add(number);
    return new SourceRecord(
        Map.of("folder", folder.toString()),
        Map.of("unused", 0L),
        topic,
        Schema.STRING_SCHEMA,
        topic,
        Schema.STRING_SCHEMA,
        Long.toString(number));
  }
}
