package lab

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaSpec asks for a Kafka cluster of one broker.
type KafkaSpec struct {
	Name       string
	Properties map[string]string // over the lab's own; may be nil
	// Users are the passwords of SCRAM users. With them the broker has two further
	// listeners, see [Kafka.SASLBootstrap] and [Kafka.MutualBootstrap].
	Users map[string]string
}

// Kafka is a Kafka cluster of one broker, which is its controller too.
type Kafka struct {
	*Process
	name string
	port int

	saslPort, mutualPort int // 0: no users
}

// Name returns the name it was asked for by.
func (k *Kafka) Name() string { return k.name }

// Bootstrap returns host:port of the broker.
func (k *Kafka) Bootstrap() string { return loopback(k.port) }

func (l *Lab) newKafka(ctx context.Context, spec KafkaSpec) (*Kafka, error) {
	folder := filepath.Join(l.dir, "kafka-"+spec.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	controller, err := freePort()
	if err != nil {
		return nil, err
	}
	jvm := jvm{java: l.java, heap: "256m", version: KafkaVersion, classPath: l.brokerClassPath, folder: folder}
	kafka := &Kafka{name: spec.Name, port: port}
	properties := brokerProperties(folder, port, controller)
	if spec.Users != nil {
		if err := l.secureBroker(kafka, properties); err != nil {
			return nil, err
		}
	}
	for key, value := range spec.Properties {
		properties[key] = value
	}
	file := filepath.Join(folder, "server.properties")
	if err := writeProperties(file, properties); err != nil {
		return nil, err
	}
	if spec.Users != nil {
		err = formatWithUsers(jvm, file, spec.Users)
	} else {
		err = formatStorage(ctx, jvm, properties["log.dirs"], l.progress)
	}
	if err != nil {
		return nil, err
	}
	kafka.Process = &Process{
		name:    "kafka " + spec.Name,
		logPath: l.logPath("kafka-" + spec.Name),
		command: func() (*exec.Cmd, error) { return jvm.command("kafka.Kafka", file) },
		answers: kafka.answers,
	}
	return kafka, nil
}

func (k *Kafka) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Bootstrap()), kgo.RetryTimeout(time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

// brokerID is the node.id of each cluster's one broker.
const brokerID = 1

func brokerProperties(folder string, port, controller int) map[string]string {
	return map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        strconv.Itoa(brokerID),
		"controller.quorum.voters":       strconv.Itoa(brokerID) + "@" + loopback(controller),
		"listeners":                      "PLAINTEXT://" + loopback(port) + ",CONTROLLER://" + loopback(controller),
		"advertised.listeners":           "PLAINTEXT://" + loopback(port),
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.listener.names":      "CONTROLLER",
		"log.dirs":                       filepath.Join(folder, "data"),
		// One broker, and a fresh cluster that should be of use at once.
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"group.initial.rebalance.delay.ms":                 "0",
		"num.partitions":                                   "1",
		"log.cleaner.dedupe.buffer.size":                   strconv.Itoa(8 << 20),
		"num.network.threads":                              "2",
		"num.io.threads":                                   "4",
	}
}

// formatStorage formats a broker's data folder. Kafka's own tool does that once
// for each version, as it takes as long as the start of a broker; after that
// its result is copied under a new cluster id.
func formatStorage(ctx context.Context, jvm jvm, data string, progress io.Writer) error {
	template, err := cached(ctx, "formatted-"+KafkaVersion, func(dir string) error {
		fmt.Fprintln(progress, "lab: formatting the storage of a broker (once)")
		properties := brokerProperties(jvm.folder, firstPort, firstPort+1)
		properties["log.dirs"] = dir
		file := filepath.Join(jvm.folder, "format.properties")
		if err := writeProperties(file, properties); err != nil {
			return err
		}
		command, err := jvm.command("kafka.tools.StorageTool", "format", "--cluster-id", newClusterID(), "--config", file)
		if err != nil {
			return err
		}
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("lab: formatting of a broker's storage: %w:\n%s", err, lastLines(output, 15))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := copyDir(data, os.DirFS(template)); err != nil {
		return err
	}
	return renewClusterID(filepath.Join(data, "meta.properties"))
}

func renewClusterID(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "cluster.id=") {
			lines[i] = "cluster.id=" + newClusterID()
		}
	}
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644)
}

// newClusterID returns a random id in Kafka's form of a UUID.
func newClusterID() string {
	var id [16]byte
	rand.Read(id[:])
	id[0] &= 0x7f // Kafka's tools take an id that begins with a dash for a flag
	return base64.RawURLEncoding.EncodeToString(id[:])
}
