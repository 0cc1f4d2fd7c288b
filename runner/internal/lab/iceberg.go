package lab

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// IcebergVersion is the version of the Iceberg sink of ConnectSpec.Iceberg.
const IcebergVersion = "1.12.0"

const hadoopVersion = "3.4.1" // its catalogue and files

// IcebergSink writes a topic of numbers to the table db.NAME below a local folder. It commits
// each two seconds.
func IcebergSink(topic, table, warehouse string) map[string]string {
	return map[string]string{
		"connector.class":                     "org.apache.iceberg.connect.IcebergSinkConnector",
		"tasks.max":                           "1",
		"topics":                              topic,
		"iceberg.tables":                      "db." + table,
		"iceberg.tables.auto-create-enabled":  "true",
		"iceberg.catalog":                     "local",
		"iceberg.catalog.catalog-impl":        "org.apache.iceberg.hadoop.HadoopCatalog",
		"iceberg.catalog.warehouse":           "file://" + warehouse,
		"iceberg.control.topic":               "control-" + table,
		"iceberg.control.commit.interval-ms":  "2000",
		"iceberg.control.commit.timeout-ms":   "5000",
		"consumer.override.auto.offset.reset": "earliest",
		"key.converter":                       "org.apache.kafka.connect.storage.StringConverter",
		"value.converter":                     "org.apache.kafka.connect.json.JsonConverter",
		"value.converter.schemas.enable":      "false",
		"transforms":                          "row",
		"transforms.row.type":                 "org.apache.kafka.connect.transforms.HoistField$Value",
		"transforms.row.field":                "sequence",
	}
}

// icebergPlugin is the sink, and what its files and its catalogue need.
var icebergPlugin = Plugin{
	Group: "org.apache.iceberg", Name: "iceberg-kafka-connect", Version: IcebergVersion,
	With: []artifact{
		{"org.apache.iceberg", "iceberg-parquet", IcebergVersion}, {"org.apache.iceberg", "iceberg-orc", IcebergVersion},
		{"org.apache.hadoop", "hadoop-client-api", hadoopVersion}, {"org.apache.hadoop", "hadoop-client-runtime", hadoopVersion},
	},
}

//go:embed iceberg/Rows.java
var rowsProgram []byte

// IcebergRows reads all rows of a table that an [IcebergSink] writes: how often each number is
// there.
func IcebergRows(ctx context.Context, table, warehouse string) (map[int64]int64, error) {
	plugin, err := icebergPlugin.Jars(ctx, io.Discard)
	if err != nil {
		return nil, err
	}
	workers, err := jars(ctx, "connect-"+KafkaVersion, workerArtifacts(KafkaVersion), io.Discard) // for the logging that the plugin leaves to them
	if err != nil {
		return nil, err
	}
	java, err := javaCommand()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(warehouse, "Rows.java")
	if err := os.WriteFile(program, rowsProgram, 0o600); err != nil {
		return nil, err
	}
	classPath := filepath.Join(plugin, "*") + string(filepath.ListSeparator) + filepath.Join(workers, "*")
	command := exec.CommandContext(ctx, java, "-Xmx256m", "-cp", classPath, program, "file://"+warehouse+"/db/"+table)
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("lab: rows of %s: %w:\n%s", table, err, lastLines(failure.Bytes(), 15))
	}
	rows := map[int64]int64{}
	for _, line := range strings.Fields(string(output)) {
		number, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("lab: rows of %s: %w", table, err)
		}
		rows[number]++
	}
	return rows, nil
}
