package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// runningLimit bounds how long a new connector may take until its tasks run.
const runningLimit = time.Minute

// Client returns a client of the cluster's REST API.
func (c *Connect) Client() *connect.Client {
	client, err := connect.New(c.guard.options(c.URLs()))
	if err != nil {
		panic(err) // the URLs are the lab's own
	}
	return client
}

// Create creates the connector, or changes its config. It does not wait.
func (c *Connect) Create(ctx context.Context, connector string, config map[string]string) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	object, err := rawjson.ParseObject(text)
	if err != nil {
		return err
	}
	if err := c.Client().PutConfig(ctx, connector, object); err != nil {
		return fmt.Errorf("lab: connector %s on %s: %w", connector, c.Name(), err)
	}
	return nil
}

// Run creates the connector, or changes its config, and waits until it and at
// least one task are RUNNING, and no task is anything else.
func (c *Connect) Run(ctx context.Context, connector string, config map[string]string) error {
	if err := c.Create(ctx, connector, config); err != nil {
		return err
	}
	client := c.Client()
	what := fmt.Sprintf("lab: connector %s on %s running", connector, c.Name())
	return wait.Until(ctx, what, runningLimit, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if err != nil {
			return false, err.Error(), nil // it may not be known yet
		}
		running := status.Connector.State == connect.Running && len(status.Tasks) > 0 && status.AllTasks(connect.Running)
		return running, fmt.Sprintf("connector %s, tasks %v", status.Connector.State, status.Tasks), nil
	})
}

// A connector config is a map of strings; these make the common ones. Add or
// change settings in what they return.

// NumberedSource sends numbered streams <topic>-0, <topic>-1 …, one for each
// task, at rate records a second each. Its other settings, those for misbehaving
// too, are in connectors/…/NumberedConfig.java.
func NumberedSource(topic string, tasks, rate int) map[string]string {
	return map[string]string{
		"connector.class": "io.connectferry.lab.NumberedSource",
		"tasks.max":       strconv.Itoa(tasks),
		"topic":           topic,
		"rate":            strconv.Itoa(rate),
	}
}

// TableSource polls a table by JDBC and sends one stream, named as the table.
func TableSource(table *Table, topic string) map[string]string {
	return map[string]string{
		"connector.class":     "io.connectferry.lab.TableSource",
		"tasks.max":           "1",
		"connection.url":      table.URL(),
		"connection.user":     TableUser,
		"connection.password": TablePassword,
		"table":               table.Name(),
		"topic":               topic,
	}
}

// MirrorSource copies topics (a regular expression, or names with commas) from
// one Kafka to another, where they are named <alias of from>.<topic>. It runs on
// a Connect cluster whose Kafka is to.
func MirrorSource(from, to *Kafka, topics string) map[string]string {
	return map[string]string{
		"connector.class":                       "org.apache.kafka.connect.mirror.MirrorSourceConnector",
		"tasks.max":                             "2",
		"source.cluster.alias":                  from.Name(),
		"target.cluster.alias":                  to.Name(),
		"source.cluster.bootstrap.servers":      from.Bootstrap(),
		"target.cluster.bootstrap.servers":      to.Bootstrap(),
		"topics":                                topics,
		"key.converter":                         "org.apache.kafka.connect.converters.ByteArrayConverter",
		"value.converter":                       "org.apache.kafka.connect.converters.ByteArrayConverter",
		"replication.factor":                    "1",
		"offset-syncs.topic.replication.factor": "1",
		"refresh.topics.interval.seconds":       "1",
		"sync.topic.configs.enabled":            "false",
		"sync.topic.acls.enabled":               "false",
	}
}

// MirrorCheckpoint notes each second in to where the consumer groups that read the
// topics in from could go on there. It goes with a [MirrorSource] of the same.
// Sinks are groups that MirrorMaker leaves out by default.
func MirrorCheckpoint(from, to *Kafka, topics string) map[string]string {
	return With(MirrorSource(from, to, topics), map[string]string{
		"connector.class":                       "org.apache.kafka.connect.mirror.MirrorCheckpointConnector",
		"groups":                                "connect-.*",
		"groups.exclude":                        "__.*",
		"emit.checkpoints.interval.seconds":     "1",
		"refresh.groups.interval.seconds":       "1",
		"checkpoints.topic.replication.factor":  "1",
		"sync.group.offsets.enabled":            "true", // what it writes to the sink's group there must do no harm
		"sync.group.offsets.interval.seconds":   "1",
		"offset-syncs.topic.replication.factor": "1",
	})
}

// QueueSource takes numbered files out of a folder, as a consumer takes messages
// out of a queue: each is deleted once its record is acknowledged. Its stream is
// the topic's name.
func QueueSource(folder, topic string) map[string]string {
	return map[string]string{
		"connector.class": "io.connectferry.lab.QueueSource",
		"tasks.max":       "1",
		"folder":          folder,
		"topic":           topic,
	}
}

// FileSource sends the lines of a file.
func FileSource(file, topic string) map[string]string {
	return map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
		"tasks.max":       "1",
		"file":            file,
		"topic":           topic,
	}
}

// FileSink writes the values of a topic's records to a file, one a line.
func FileSink(topic, file string) map[string]string {
	return map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
		"tasks.max":       "1",
		"topics":          topic,
		"file":            file,
	}
}

// With returns the config with other settings over it, the last ones on top. None
// of the maps changes.
func With(config map[string]string, settings ...map[string]string) map[string]string {
	merged := maps.Clone(config)
	for _, over := range settings {
		maps.Copy(merged, over)
	}
	return merged
}
