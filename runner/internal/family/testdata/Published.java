import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Connector;
import org.apache.kafka.connect.runtime.isolation.PluginClassLoader;

/**
 * Prints, as JSON, what published connectors say about themselves. An argument is
 * "label|folder with jars, empty for Kafka's own|what", where what is
 *
 * <ul>
 *   <li>a class that is a connector: the defaults of its settings, null if there is none;
 *   <li>any other class: the same of the settings that its constants define, as Debezium's do;
 *   <li>class#method: the fields of the source partitions that the method makes, one list for
 *       each constructor of its class;
 *   <li>class()method: the text that the method of a config class says of a connector "any".
 * </ul>
 */
public class Published {
  public static void main(String[] arguments) throws Exception {
    PrintStream answer = System.out;
    System.setOut(System.err); // of whatever a connector writes
    Map<String, ClassLoader> loaders = new LinkedHashMap<>();
    List<Map<String, Object>> all = new ArrayList<>();
    for (String argument : arguments) {
      String[] parts = argument.split("\\|");
      ClassLoader loader = loaders.computeIfAbsent(parts[1], Published::loader);
      Thread.currentThread().setContextClassLoader(loader);
      Map<String, Object> found = new LinkedHashMap<>();
      found.put("label", parts[0]);
      found.put("what", parts[2]);
      try {
        String[] what = parts[2].split("#|\\(\\)");
        Class<?> type = Class.forName(what[0], true, loader);
        if (parts[2].contains("()")) {
          found.put("text", text(type, what[1]));
        } else if (what.length > 1) {
          found.put("partitions", partitions(type, what[1]));
        } else if (Connector.class.isAssignableFrom(type)) {
          found.put("settings", settings(((Connector) type.getConstructor().newInstance()).config()));
        } else {
          found.put("settings", constants(type));
        }
      } catch (ReflectiveOperationException | LinkageError e) {
        found.put("error", e.toString());
      }
      all.add(found);
    }
    answer.println(new ObjectMapper().writeValueAsString(all));
    answer.flush();
  }

  /** Loads as a worker does: the plugin's own classes first, but Kafka's from the worker. */
  private static ClassLoader loader(String folder) {
    if (folder.isEmpty()) {
      return Published.class.getClassLoader();
    }
    try {
      List<URL> jars = new ArrayList<>();
      for (File jar : new File(folder).listFiles()) {
        jars.add(jar.toURI().toURL());
      }
      return new PluginClassLoader(new File(folder).toURI().toURL(), jars.toArray(URL[]::new), Published.class.getClassLoader());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Map<String, String> settings(ConfigDef definition) {
    Map<String, String> defaults = new TreeMap<>();
    for (ConfigDef.ConfigKey key : definition.configKeys().values()) {
      defaults.put(key.name, key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null);
    }
    return defaults;
  }

  private static Map<String, String> constants(Class<?> type) throws ReflectiveOperationException {
    Map<String, String> defaults = new TreeMap<>();
    for (java.lang.reflect.Field constant : type.getDeclaredFields()) {
      if (Modifier.isStatic(constant.getModifiers()) && constant.getType().getName().equals("io.debezium.config.Field")) {
        Object field = open(constant).get(null);
        Object missing = field.getClass().getMethod("defaultValueAsString").invoke(field);
        defaults.put((String) field.getClass().getMethod("name").invoke(field), (String) missing);
      }
    }
    return defaults;
  }

  private static List<TreeSet<String>> partitions(Class<?> type, String name) throws ReflectiveOperationException {
    Method method = open(method(type, name));
    List<TreeSet<String>> all = new ArrayList<>();
    if (Modifier.isStatic(method.getModifiers())) {
      all.add(fields(method.invoke(null, made(method.getParameterTypes()))));
      return all;
    }
    for (Constructor<?> constructor : type.getConstructors()) {
      Object maker = constructor.newInstance(made(constructor.getParameterTypes()));
      all.add(fields(method.invoke(maker, made(method.getParameterTypes()))));
    }
    return all;
  }

  private static String text(Class<?> type, String name) throws ReflectiveOperationException {
    Map<String, String> config = Map.of("name", "any", "iceberg.tables", "any.any", "iceberg.catalog.type", "rest");
    return (String) type.getMethod(name).invoke(type.getConstructor(Map.class).newInstance(config));
  }

  private static Method method(Class<?> type, String name) throws NoSuchMethodException {
    for (Class<?> of = type; of != null; of = of.getSuperclass()) {
      for (Method method : of.getDeclaredMethods()) {
        if (method.getName().equals(name) && Map.class.isAssignableFrom(method.getReturnType())) {
          return method;
        }
      }
    }
    throw new NoSuchMethodException(type.getName() + "." + name);
  }

  /** Any values of these types: the fields do not depend on them. */
  private static Object[] made(Class<?>[] types) {
    Object[] values = new Object[types.length];
    for (int i = 0; i < types.length; i++) {
      if (types[i] == String.class) {
        values[i] = "any" + i;
      } else if (types[i] == TopicPartition.class) {
        values[i] = new TopicPartition("any", 0);
      } else if (types[i] == boolean.class) {
        values[i] = false;
      } else {
        values[i] = 0L;
      }
    }
    return values;
  }

  private static TreeSet<String> fields(Object partition) {
    TreeSet<String> fields = new TreeSet<>();
    ((Map<?, ?>) partition).keySet().forEach(field -> fields.add((String) field));
    return fields;
  }

  private static <T extends AccessibleObject> T open(T member) {
    member.setAccessible(true);
    return member;
  }
}
