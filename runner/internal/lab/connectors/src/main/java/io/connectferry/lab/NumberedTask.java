package io.connectferry.lab;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Sends one numbered stream. */
public class NumberedTask extends SourceTask {
  static final String SEQUENCE = "sequence";

  private static final long IDLE_MILLIS = 100;

  private final CountDownLatch stopped = new CountDownLatch(1);
  private NumberedConfig config;
  private String stream;
  private Map<String, ?> partition;
  private long next;
  private long sent;
  private long startedNanos;
  private FileChannel lock;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public void start(Map<String, String> properties) {
    config = new NumberedConfig(properties);
    if (config.getBoolean(NumberedConfig.FAIL_ON_START)) {
      // As careless connectors do; nothing follows if there is no secret.
      String secret = config.getPassword(NumberedConfig.SECRET).value();
      throw new ConnectException("told to fail by " + NumberedConfig.FAIL_ON_START
          + (secret.isEmpty() ? "" : ", login with " + secret + " refused"));
    }
    String file = config.getString(NumberedConfig.FAIL_WITH_FILE);
    if (!file.isEmpty() && Files.exists(Path.of(file))) {
      throw new ConnectException("told to fail by " + NumberedConfig.FAIL_WITH_FILE);
    }
    String prefix = config.getString(NumberedConfig.PREFIX);
    if (prefix.isEmpty()) {
      prefix = config.getString(NumberedConfig.TOPIC);
    }
    String task = properties.get(NumberedConfig.TASK);
    lock(config.getString(NumberedConfig.LOCK), task);
    stream = properties.getOrDefault(NumberedConfig.STREAM, prefix + "-" + task);
    partition = partition(prefix, task);
    next = config.getLong(NumberedConfig.START);
    Map<String, Object> stored = context.offsetStorageReader().offset(partition);
    if (stored != null && !config.getBoolean(NumberedConfig.IGNORED)) {
      next = ((Number) stored.get(SEQUENCE)).longValue() + 1;
    }
    startedNanos = System.nanoTime();
  }

  @Override
  public List<SourceRecord> poll() throws InterruptedException {
    long block = config.getLong(NumberedConfig.BLOCK);
    if (block > 0) {
      // Like a query that takes its time: stop() cannot end it.
      TimeUnit.MILLISECONDS.sleep(block);
    }
    long count = Math.min(due(), config.getInt(NumberedConfig.BATCH));
    long failAfter = config.getLong(NumberedConfig.FAIL_AFTER);
    if (failAfter >= 0 && sent >= failAfter) {
      throw new ConnectException("told to fail by " + NumberedConfig.FAIL_AFTER);
    }
    if (count <= 0) {
      stopped.await(idleMillis(), TimeUnit.MILLISECONDS);
      return null;
    }
    List<SourceRecord> records = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      records.add(record(next++));
    }
    sent += count;
    return records;
  }

  @Override
  public void stop() {
    stopped.countDown();
    if (lock != null) {
      try {
        lock.close();
      } catch (IOException e) {
        throw new ConnectException("lock of " + stream, e);
      }
    }
  }

  private void lock(String file, String task) {
    if (file.isEmpty()) {
      return;
    }
    Path path = Path.of(file + "-" + task);
    try {
      lock = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (lock.tryLock() == null) {
        throw new ConnectException(path + " is locked by another process");
      }
    } catch (OverlappingFileLockException e) {
      throw new ConnectException(path + " is locked by another task", e);
    } catch (IOException e) {
      throw new ConnectException("lock " + path, e);
    }
  }

  /** How many records this run may have sent by now, less those it sent. */
  private long due() {
    int rate = config.getInt(NumberedConfig.RATE);
    long due = Long.MAX_VALUE;
    if (rate > 0) {
      due = (System.nanoTime() - startedNanos) / (1_000_000_000L / rate) + 1 - sent;
    }
    long max = config.getLong(NumberedConfig.MAX);
    if (max >= 0) {
      due = Math.min(due, config.getLong(NumberedConfig.START) + max - next);
    }
    long failAfter = config.getLong(NumberedConfig.FAIL_AFTER);
    if (failAfter >= 0) {
      due = Math.min(due, failAfter - sent);
    }
    return due;
  }

  /** Until the next record is due, bounded so that a stop is noticed. */
  private long idleMillis() {
    int rate = config.getInt(NumberedConfig.RATE);
    return rate == 0 ? IDLE_MILLIS : Math.max(1, Math.min(IDLE_MILLIS, 1000L / rate));
  }

  private SourceRecord record(long sequence) {
    return new SourceRecord(
        partition,
        Map.of(SEQUENCE, sequence),
        config.getString(NumberedConfig.TOPIC),
        Schema.STRING_SCHEMA,
        stream,
        Schema.STRING_SCHEMA,
        Long.toString(sequence));
  }

  private Map<String, ?> partition(String prefix, String task) {
    if (config.getString(NumberedConfig.ORDER).equals("plain")) {
      return Map.of("stream", stream);
    }
    // The order of insertion is not the order of a HashMap: the key that Connect
    // makes of this map when it parses JSON has other bytes than the task's own.
    Map<String, String> ordered = new LinkedHashMap<>();
    ordered.put("database", prefix);
    ordered.put("server", task);
    return ordered;
  }
}
