package lab

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ConnectSpec asks for a distributed Connect cluster.
type ConnectSpec struct {
	Name    string
	Kafka   string // name of the Kafka cluster that it keeps its state in
	Workers int    // 0 means 1
	Heap    string // of each worker, as in -Xmx; "" means 256m
	Version string // of Kafka, such as 3.6.2; "" means KafkaVersion
	// Versions are those of single workers, by their number, as in the middle of an
	// upgrade; nil means that all have Version.
	Versions map[int]string
	// Properties of the workers, over the lab's own; may be nil. A value of ""
	// removes a property: without plugin.path a cluster has Kafka's mirror
	// connectors only.
	Properties map[string]string
	Guard      *Guard // of the REST API; nil: open, without TLS
	Debezium   bool   // with Debezium's connectors for PostgreSQL and MariaDB too
	Iceberg    bool   // with the Iceberg sink too
}

// Connect is a distributed Connect cluster.
type Connect struct {
	spec    ConnectSpec
	kafka   *Kafka
	workers []*Worker
	guard   *guard   // nil: open
	plugins []string // further folders of plugin.path
}

// Worker is one worker of a Connect cluster.
type Worker struct {
	*Process
	port  int
	guard *guard // nil: open
}

// URL returns the root of the worker's REST API.
func (w *Worker) URL() string { return w.guard.scheme() + "://" + loopback(w.port) }

// Name returns the name it was asked for by.
func (c *Connect) Name() string { return c.spec.Name }

// Kafka returns the Kafka cluster that it keeps its state in.
func (c *Connect) Kafka() *Kafka { return c.kafka }

// Worker returns worker i, counted from 0. It panics if there is none.
func (c *Connect) Worker(i int) *Worker { return c.workers[i] }

// URLs returns the roots of the workers' REST APIs.
func (c *Connect) URLs() []string {
	urls := make([]string, 0, len(c.workers))
	for _, worker := range c.workers {
		urls = append(urls, worker.URL())
	}
	return urls
}

// Leader returns the number of the worker that leads the cluster, as the workers
// were told last when they joined their group; no REST request tells it.
func (c *Connect) Leader() (int, error) {
	const mark = "leaderUrl='"
	var newest, leader string
	for _, worker := range c.workers {
		log, err := os.ReadFile(worker.Log())
		if err != nil {
			return 0, fmt.Errorf("lab: leader of %s: %w", c.Name(), err)
		}
		for line := range strings.Lines(string(log)) {
			_, url, ok := strings.Cut(line, mark)
			if at := line[:min(len(line), len("[2026-01-02 15:04:05,000]"))]; ok && at > newest {
				newest = at
				leader, _, _ = strings.Cut(url, "/'")
			}
		}
	}
	for i, worker := range c.workers {
		if worker.URL() == leader {
			return i, nil
		}
	}
	return 0, fmt.Errorf("lab: leader of %s: its workers' logs name none (%q)", c.Name(), leader)
}

// GroupID returns the workers' group.id.
func (c *Connect) GroupID() string { return "connect-" + c.spec.Name }

// OffsetsTopic returns the topic that holds the source connectors' offsets.
func (c *Connect) OffsetsTopic() string { return c.GroupID() + "-offsets" }

// StatusTopic returns the topic that holds the states of connectors and tasks.
func (c *Connect) StatusTopic() string { return c.GroupID() + "-status" }

// ConfigTopic returns the topic that holds the configs.
func (c *Connect) ConfigTopic() string { return c.GroupID() + "-configs" }

func (l *Lab) newConnect(ctx context.Context, spec ConnectSpec) (*Connect, error) {
	kafka, ok := l.kafkas[spec.Kafka]
	if !ok {
		return nil, fmt.Errorf("lab: connect cluster %q: no Kafka cluster %q is asked for", spec.Name, spec.Kafka)
	}
	if spec.Version == "" {
		spec.Version = KafkaVersion
	}
	spec.Workers = max(spec.Workers, 1)
	cluster := &Connect{spec: spec, kafka: kafka}
	if spec.Guard != nil {
		var err error
		if cluster.guard, err = l.newGuard(ctx, spec); err != nil {
			return nil, err
		}
	}
	if spec.Debezium {
		for _, plugin := range debeziumPlugins {
			if err := cluster.load(ctx, plugin, l.progress); err != nil {
				return nil, err
			}
		}
	}
	if spec.Iceberg {
		if err := cluster.load(ctx, icebergPlugin, l.progress); err != nil {
			return nil, err
		}
	}
	for i := range spec.Workers {
		version := spec.Version
		if own, ok := spec.Versions[i]; ok {
			version = own
		}
		jars, err := jars(ctx, "connect-"+version, workerArtifacts(version), l.progress)
		if err != nil {
			return nil, err
		}
		worker, err := l.newWorker(cluster, i, version, jars)
		if err != nil {
			return nil, err
		}
		cluster.workers = append(cluster.workers, worker)
	}
	return cluster, nil
}

// load adds a plugin to the workers' plugin.path.
func (c *Connect) load(ctx context.Context, plugin Plugin, progress io.Writer) error {
	jars, err := plugin.Jars(ctx, progress)
	if err == nil {
		c.plugins = append(c.plugins, filepath.Dir(jars))
	}
	return err
}

func (l *Lab) newWorker(cluster *Connect, i int, version, jars string) (*Worker, error) {
	name := fmt.Sprintf("connect-%s-%d", cluster.Name(), i+1)
	folder := filepath.Join(l.dir, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	// The distribution has the file connectors beside its class path, not on it.
	classPath, err := classPath(jars, "connect-file-")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "worker.properties")
	plugins := append([]string{l.connectors, filepath.Join(jars, "connect-file-"+version+".jar")}, cluster.plugins...)
	properties := cluster.workerProperties(port, version, plugins)
	if err := writeProperties(file, properties); err != nil {
		return nil, err
	}
	jvm := jvm{java: l.java, heap: cmp.Or(cluster.spec.Heap, "256m"), version: version, classPath: classPath, folder: folder}
	if cluster.guard != nil {
		jvm.flags = cluster.guard.jvmFlags
		jvm.classPath += cluster.guard.classPath
	}
	worker := &Worker{port: port, guard: cluster.guard}
	worker.Process = &Process{
		name:    name,
		logPath: l.logPath(name),
		command: func() (*exec.Cmd, error) {
			return jvm.command("org.apache.kafka.connect.cli.ConnectDistributed", file)
		},
		answers: worker.answers,
	}
	return worker, nil
}

// answers asks for the connectors: unlike the root, that is answered only by a
// worker that has joined its group.
func (w *Worker) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL()+"/connectors", nil)
	if err != nil {
		return err
	}
	if err := w.guard.authorize(request); err != nil {
		return err
	}
	response, err := w.guard.httpClient().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", w.URL(), response.Status)
	}
	return nil
}

func (c *Connect) workerProperties(port int, version string, plugins []string) map[string]string {
	// offset.flush.interval.ms and the timeouts stay at their defaults: they are
	// what makes a careless move send records twice.
	properties := map[string]string{
		"bootstrap.servers":                 c.kafka.Bootstrap(),
		"group.id":                          c.GroupID(),
		"offset.storage.topic":              c.OffsetsTopic(),
		"offset.storage.partitions":         "5",
		"offset.storage.replication.factor": "1",
		"status.storage.topic":              c.StatusTopic(),
		"status.storage.partitions":         "2",
		"status.storage.replication.factor": "1",
		"config.storage.topic":              c.ConfigTopic(),
		"config.storage.replication.factor": "1",
		"key.converter":                     "org.apache.kafka.connect.storage.StringConverter",
		"value.converter":                   "org.apache.kafka.connect.storage.StringConverter",
		"listeners":                         c.guard.scheme() + "://" + loopback(port),
		"rest.advertised.host.name":         "127.0.0.1",
		"rest.advertised.port":              strconv.Itoa(port),
		"plugin.path":                       strings.Join(plugins, ","),
		// The default is to wait five minutes for a lost worker to come back.
		"scheduled.rebalance.max.delay.ms": "1000",
	}
	if atLeast36(version) {
		properties["plugin.discovery"] = "service_load" // skips reading every class of every plugin
	}
	if c.guard != nil {
		maps.Copy(properties, c.guard.properties)
	}
	for key, value := range c.spec.Properties {
		properties[key] = value
	}
	for key, value := range properties {
		if value == "" {
			delete(properties, key)
		}
	}
	return properties
}

// atLeast36 tells whether the worker knows plugin.discovery. Older ones only
// warn about it, but their plugins are found by reading them anyway.
func atLeast36(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 3 || major == 3 && minor >= 6
}
