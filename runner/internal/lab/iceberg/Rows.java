import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.hadoop.HadoopTables;

/** Prints the number in each row of a table, one a line; nothing if there is no table yet. */
public class Rows {
  public static void main(String[] arguments) throws Exception {
    HadoopTables tables = new HadoopTables(new Configuration());
    if (!tables.exists(arguments[0])) {
      return;
    }
    StringBuilder out = new StringBuilder();
    try (var rows = IcebergGenerics.read(tables.load(arguments[0])).build()) {
      for (var row : rows) {
        out.append(row.getField("sequence")).append('\n');
      }
    }
    System.out.print(out);
  }
}
