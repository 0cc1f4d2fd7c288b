package io.connectferry.lab;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Polls one table for rows after the last one sent. */
public class TableTask extends SourceTask {
  static final String TIMESTAMP = "timestamp";
  static final String NANOS = "timestamp_nanos";
  static final String INCREMENTING = "incrementing";

  private final CountDownLatch stopped = new CountDownLatch(1);
  private TableConfig config;
  private Map<String, String> partition;
  private Connection connection;
  private Timestamp lastTimestamp = new Timestamp(0);
  private long lastId = -1;

  @Override
  public String version() {
    return "1.0.0";
  }

  @Override
  public void start(Map<String, String> properties) {
    config = new TableConfig(properties);
    partition = new HashMap<>();
    if (config.getString(TableConfig.QUERY).isEmpty()) {
      partition.put("protocol", "1");
      partition.put("table", config.getString(TableConfig.TABLE));
    } else {
      partition.put("query", "query"); // whatever the query is, as JDBC sources in the field do
    }
    Map<String, Object> stored = context.offsetStorageReader().offset(partition);
    if (stored != null) {
      lastTimestamp = new Timestamp(((Number) stored.get(TIMESTAMP)).longValue());
      lastTimestamp.setNanos(((Number) stored.get(NANOS)).intValue());
      lastId = ((Number) stored.get(INCREMENTING)).longValue();
    }
    loadDriver();
  }

  @Override
  public List<SourceRecord> poll() throws InterruptedException {
    List<SourceRecord> records;
    try {
      records = read();
    } catch (SQLException e) {
      disconnect();
      stopped.await(config.getLong(TableConfig.POLL_INTERVAL), TimeUnit.MILLISECONDS);
      throw new RetriableException("table " + config.getString(TableConfig.TABLE), e);
    }
    if (records.isEmpty()) {
      stopped.await(config.getLong(TableConfig.POLL_INTERVAL), TimeUnit.MILLISECONDS);
      return null;
    }
    return records;
  }

  @Override
  public void stop() {
    stopped.countDown();
    disconnect();
  }

  private List<SourceRecord> read() throws SQLException {
    List<SourceRecord> records = new ArrayList<>();
    Timestamp timestamp = lastTimestamp;
    long id = lastId;
    try (PreparedStatement query = connect().prepareStatement(sql())) {
      query.setTimestamp(1, lastTimestamp);
      query.setLong(2, lastId);
      query.setTimestamp(3, lastTimestamp);
      query.setMaxRows(config.getInt(TableConfig.BATCH));
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          timestamp = rows.getTimestamp(1);
          id = rows.getLong(2);
          records.add(record(timestamp, id, rows.getLong(3)));
        }
      }
    }
    // Not before all rows are read: those of a query that broke off are read again.
    lastTimestamp = timestamp;
    lastId = id;
    return records;
  }

  private String sql() {
    String timestamp = config.getString(TableConfig.TIMESTAMP_COLUMN);
    String incrementing = config.getString(TableConfig.INCREMENTING_COLUMN);
    String sequence = config.getString(TableConfig.SEQUENCE_COLUMN);
    return String.format(
        "SELECT %1$s, %2$s, %3$s FROM %4$s WHERE (%1$s = ? AND %2$s > ?) OR %1$s > ?"
            + " ORDER BY %1$s, %2$s",
        timestamp, incrementing, sequence, from());
  }

  private String from() {
    String query = config.getString(TableConfig.QUERY);
    return query.isEmpty() ? config.getString(TableConfig.TABLE) : "(" + query + ")";
  }

  private SourceRecord record(Timestamp timestamp, long id, long sequence) {
    Map<String, Object> offset = new HashMap<>();
    offset.put(TIMESTAMP, timestamp.getTime());
    offset.put(NANOS, (long) timestamp.getNanos());
    offset.put(INCREMENTING, id);
    return new SourceRecord(
        partition,
        offset,
        config.getString(TableConfig.TOPIC),
        Schema.STRING_SCHEMA,
        config.getString(TableConfig.TABLE),
        Schema.STRING_SCHEMA,
        Long.toString(sequence));
  }

  private Connection connect() throws SQLException {
    if (connection == null) {
      connection =
          DriverManager.getConnection(
              config.getString(TableConfig.URL),
              config.getString(TableConfig.USER),
              config.getPassword(TableConfig.PASSWORD).value());
    }
    return connection;
  }

  private void disconnect() {
    if (connection == null) {
      return;
    }
    try {
      connection.close();
    } catch (SQLException e) {
      // Nothing was written through it: the server drops it anyway.
    }
    connection = null;
  }

  /** DriverManager looks for drivers on the class path only, and this is a plugin. */
  private void loadDriver() {
    try {
      Class.forName("org.h2.Driver");
    } catch (ClassNotFoundException e) {
      throw new ConnectException("the H2 driver is not beside the connector", e);
    }
  }
}
