package io.connectferry.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A database with one table that grows. {@code TableServer PORT TABLE ROWS_PER_SECOND} serves it
 * by TCP on loopback and inserts rows numbered from 0.
 *
 * <p>A line {@code hold} on standard input ends the inserting, {@code go} begins it again; both
 * are answered by a line with the number of the last row. The end of standard input ends it all.
 */
public final class TableServer {
  private static final long TICK_MILLIS = 20;

  private final Connection connection;
  private final PreparedStatement insert;
  private final int rate;
  private boolean held;
  private long next;
  private double due;

  private TableServer(Connection connection, String table, int rate) throws SQLException {
    this.connection = connection;
    this.rate = rate;
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "CREATE TABLE " + table + " (ID BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
              + " SEQUENCE BIGINT NOT NULL, UPDATED_AT TIMESTAMP(9) NOT NULL)");
      statement.execute("CREATE INDEX " + table + "_AFTER ON " + table + " (UPDATED_AT, ID)");
    }
    connection.setAutoCommit(false);
    insert =
        connection.prepareStatement(
            "INSERT INTO " + table + " (SEQUENCE, UPDATED_AT) VALUES (?, ?)");
  }

  public static void main(String[] args) throws Exception {
    String port = args[0];
    // H2 only creates a database by TCP when told so; this process creates it from inside.
    Connection connection =
        DriverManager.getConnection("jdbc:h2:mem:lab;DB_CLOSE_DELAY=-1", "lab", "lab-password");
    TableServer table = new TableServer(connection, args[1], Integer.parseInt(args[2]));
    org.h2.tools.Server.createTcpServer("-tcpPort", port).start();
    ScheduledExecutorService clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "rows");
              thread.setDaemon(true);
              return thread;
            });
    clock.scheduleAtFixedRate(table::tick, 0, TICK_MILLIS, TimeUnit.MILLISECONDS);
    table.obey();
    System.exit(0);
  }

  private void obey() throws IOException {
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      synchronized (this) {
        held = order.equals("hold");
        System.out.println(next - 1);
      }
    }
  }

  private synchronized void tick() {
    if (held) {
      return;
    }
    due += rate * TICK_MILLIS / 1000.0;
    try {
      // One thread and one transaction after the other, so rows become visible in the
      // order of their timestamps: a poller that goes by them misses none.
      Timestamp now = new Timestamp(System.currentTimeMillis());
      for (; due >= 1; due--) {
        insert.setLong(1, next);
        insert.setTimestamp(2, now);
        insert.executeUpdate();
        next++;
      }
      connection.commit();
    } catch (SQLException e) {
      e.printStackTrace();
      System.exit(1);
    }
  }
}
