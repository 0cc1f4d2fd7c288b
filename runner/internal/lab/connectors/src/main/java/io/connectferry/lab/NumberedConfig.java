package io.connectferry.lab;

import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigException;

/** The settings of {@link NumberedSource}. */
class NumberedConfig extends AbstractConfig {
  static final String TOPIC = "topic";
  static final String PREFIX = "stream.prefix";
  static final String STREAMS = "streams";
  static final String RATE = "rate";
  static final String BATCH = "batch.size";
  static final String MAX = "max.records";
  static final String START = "start.sequence";
  static final String BLOCK = "poll.block.ms";
  static final String ORDER = "key.order";
  static final String FAIL_ON_START = "fail.on.start";
  static final String FAIL_WITH_FILE = "fail.with.file";
  static final String FAIL_AFTER = "fail.after";
  static final String IGNORED = "offset.ignored";
  static final String LOCK = "exclusive.lock";
  static final String REFUSED = "refuse.value";
  static final String SECRET = "secret";
  static final String TASK = "task.number";
  static final String STREAM = "task.stream";

  static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(TOPIC, Type.STRING, Importance.HIGH, "topic to write to")
          .define(PREFIX, Type.STRING, "", Importance.LOW, "streams are PREFIX-TASK; default: topic")
          .define(STREAMS, Type.LIST, "", Importance.LOW,
              "names of streams, each with a task of its own; tasks.max must allow as many")
          .define(RATE, Type.INT, 50, Range.atLeast(0), Importance.LOW,
              "records a second of each task, 0 for as fast as it goes")
          .define(BATCH, Type.INT, 500, Range.atLeast(1), Importance.LOW,
              "most records of one poll")
          .define(MAX, Type.LONG, -1L, Importance.LOW,
              "records of each stream, counted from start.sequence; -1 for no end")
          .define(START, Type.LONG, 0L, Importance.LOW, "sequence of a stream's first record")
          .define(BLOCK, Type.LONG, 0L, Range.atLeast(0), Importance.LOW,
              "milliseconds that each poll blocks before it returns what is due")
          .define(ORDER, Type.STRING, "plain", ValidString.in("plain", "linked"), Importance.LOW,
              "plain: partition {stream}; linked: partition {database, server} in the order of a"
                  + " LinkedHashMap, which the REST API cannot read back")
          .define(FAIL_ON_START, Type.BOOLEAN, false, Importance.LOW, "tasks fail in start()")
          .define(FAIL_WITH_FILE, Type.STRING, "", Importance.LOW,
              "tasks fail in start() while this file exists, so that those that run go on; default:"
                  + " none")
          .define(FAIL_AFTER, Type.LONG, -1L, Importance.LOW,
              "tasks fail after so many records of one run; -1 for never")
          .define(IGNORED, Type.BOOLEAN, false, Importance.LOW,
              "tasks begin at start.sequence, whatever offset is stored")
          .define(LOCK, Type.STRING, "", Importance.LOW,
              "file FILE-TASK that a task locks while it lives and fails without, as the slot of a"
                  + " database's log; default: none")
          .define(REFUSED, Type.STRING, "", NumberedConfig::refuse, Importance.LOW,
              "validation fails when this is set to anything")
          .define(SECRET, Type.PASSWORD, "", Importance.LOW, 
              "a secret to keep, which the trace of a failed start tells nevertheless");

  NumberedConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }

  private static void refuse(String name, Object value) {
    if (value != null && !value.toString().isEmpty()) {
      throw new ConfigException(name, value, "this setting is always refused");
    }
  }
}
