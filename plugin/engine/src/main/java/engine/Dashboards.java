package engine;

import io.kestra.core.models.annotations.Metric;
import io.kestra.core.models.annotations.Plugin;
import io.kestra.core.models.dashboards.Dashboard;
import io.kestra.core.models.dashboards.charts.Chart;
import io.kestra.core.models.dashboards.charts.DataChart;
import io.kestra.core.models.dashboards.charts.DataChartKPI;
import io.kestra.core.models.dashboards.filters.AbstractFilter;
import io.kestra.core.models.dashboards.filters.EqualTo;
import io.kestra.core.models.dashboards.filters.In;
import io.kestra.core.models.validations.ModelValidator;
import io.kestra.core.plugins.DefaultPluginRegistry;
import io.kestra.core.serializers.YamlParser;
import io.micronaut.context.ApplicationContext;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Dashboard files: checked without a server, and their charts computed as a server does. */
final class Dashboards {
    private static final String FOLDER = "dashboards";

    private Dashboards() {
    }

    /** Whether a file is a dashboard's and not a flow's, by its folder. */
    static boolean isOne(Path file) {
        return file.toAbsolutePath().getParent().getFileName().toString().equals(FOLDER);
    }

    /** Throws unless Kestra takes the dashboard, and a task of the plugin folder has each metric that it asks for. */
    static Dashboard check(String source, ModelValidator validator) {
        Dashboard dashboard = YamlParser.parse(source, Dashboard.class);
        validator.validate(dashboard);
        Set<String> declared = declaredMetrics();
        for (Chart<?> chart : dashboard.getCharts()) {
            metricsOf(chart).filter(name -> !declared.contains(name)).findFirst().ifPresent(name -> {
                throw new IllegalArgumentException("chart " + chart.getId() + " asks for the metric " + name + ", which no task has; they have " + declared);
            });
        }
        return dashboard;
    }

    /** The rows of each chart, by its id. */
    static Map<String, Object> figures(ApplicationContext context, Path file) throws Exception {
        Dashboard dashboard = check(Files.readString(file), context.getBean(ModelValidator.class));
        ZonedDateTime now = ZonedDateTime.now();
        ZonedDateTime start = now.minus(dashboard.getTimeWindow().getDefaultDuration());
        Map<String, Object> figures = new LinkedHashMap<>();
        for (Chart<?> chart : dashboard.getCharts()) {
            // A server narrows the charts to the chosen period like this; those of metrics take no notice.
            if (chart instanceof DataChart<?, ?> rows) {
                rows.getData().updateWhereWithGlobalFilters(null, start, now);
            } else if (chart instanceof DataChartKPI<?, ?> value) {
                value.getData().updateWhereWithGlobalFilters(null, start, now);
            }
            figures.put(chart.getId(), VersionShim.dataOf(context, chart, start, now));
        }
        return figures;
    }

    private static Stream<String> metricsOf(Chart<?> chart) {
        List<? extends AbstractFilter<?>> filters = switch (chart) {
            case DataChart<?, ?> rows -> rows.getData().getWhere();
            case DataChartKPI<?, ?> value -> value.getData().getWhere();
            default -> List.of();
        };
        return filters.stream().filter(filter -> filter.getField().name().equals("NAME")).flatMap(filter -> switch (filter) {
            case EqualTo<?> one -> Stream.of(one.getValue());
            case In<?> several -> several.getValues().stream();
            default -> throw new IllegalArgumentException("chart " + chart.getId() + " has a " + filter.getType() + " of a NAME, which is not checked here");
        }).map(Object::toString);
    }

    private static Set<String> declaredMetrics() {
        return DefaultPluginRegistry.getOrCreate().externalPlugins().stream()
            .flatMap(plugin -> plugin.getTasks().stream())
            .map(task -> task.getAnnotation(Plugin.class))
            .flatMap(plugin -> Arrays.stream(plugin.metrics()))
            .map(Metric::name)
            .collect(Collectors.toCollection(TreeSet::new));
    }
}
