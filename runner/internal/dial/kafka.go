package dial

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// kafka opens a cluster's Kafka and returns its parts, or the zero value and an error.
func (d *Dialer) kafka(ctx context.Context, of *cluster.Cluster, settings *clusterfile.Kafka) (cluster.Kafka, error) {
	opened, err := openKafka(ctx, settings)
	if err != nil {
		return cluster.Kafka{}, err
	}
	d.opened = append(d.opened, opened)
	if err := sameKafka(ctx, of, opened); err != nil {
		return cluster.Kafka{}, err
	}
	topics, err := d.topics(ctx, of, settings, opened)
	if err != nil {
		return cluster.Kafka{}, err
	}
	known := cluster.Kafka{
		Groups: cluster.Known[cluster.Groups](opened), SinkOffsets: cluster.Known[cluster.GroupOffsets](opened),
		Mirrors: cluster.Known(cluster.Mirrors{Log: opened, Open: openPlain}),
		Fencer:  cluster.Known[cluster.Fencer](&lazyFencer{kafka: opened, rest: of.Client}),
		Topic:   cluster.Known(func(name string) cluster.OffsetTopic { return opened.OffsetLog(name) }),
		Status:  cluster.Unknown[cluster.StatusTopic](unknown("status", of.Name, topics.Status.Err)),
		Offsets: cluster.Unknown[cluster.OffsetTopic](unknown("offset", of.Name, topics.Offsets.Err)),
		Configs: cluster.Unknown[cluster.ConfigTopic](unknown("config", of.Name, topics.Config.Err)),
	}
	if topics.Status.Err == nil {
		known.Status = cluster.Known[cluster.StatusTopic](opened.StatusLog(topics.Status.Name))
	}
	if topics.Offsets.Err == nil {
		known.Offsets = cluster.Known[cluster.OffsetTopic](opened.OffsetLog(topics.Offsets.Name))
	}
	if topics.Config.Err == nil {
		known.Configs = cluster.Known[cluster.ConfigTopic](opened.ConfigLog(topics.Config.Name))
	}
	return known, nil
}

func openKafka(ctx context.Context, settings *clusterfile.Kafka) (*kafka.Client, error) {
	config := kafka.Config{Brokers: settings.BootstrapServers}
	if settings.TLS != nil {
		tlsConfig, err := settings.TLS.Config()
		if err != nil {
			return nil, &clusterfile.InputError{File: "kafka", Err: err}
		}
		config.TLS = tlsConfig
	}
	if settings.SASL != nil {
		config.SASL = &kafka.SASL{Mechanism: settings.SASL.Mechanism, Username: settings.SASL.Username, Password: settings.SASL.Password}
	}
	opened, err := kafka.Open(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%w; correct the kafka section of the clusters file, or go without it with --proof timed", err)
	}
	return opened, nil
}

// openPlain opens a Kafka without a login.
func openPlain(ctx context.Context, brokers []string) (cluster.MirrorLog, func(), error) {
	opened, err := kafka.Open(ctx, kafka.Config{Brokers: brokers})
	if err != nil {
		return nil, nil, err
	}
	return opened, opened.Close, nil
}

// sameKafka refuses a Kafka other than the one that the cluster's workers use.
func sameKafka(ctx context.Context, of *cluster.Cluster, opened *kafka.Client) error {
	id, err := opened.ClusterID(ctx)
	if err != nil {
		return err
	}
	server, err := of.Client.Server(ctx)
	if err != nil {
		return err
	}
	if server.KafkaClusterID != id {
		return cluster.Refused(fmt.Sprintf("kafka.bootstrap_servers of cluster %s lead to the Kafka cluster %s, but its workers use %s", of.Name, id, server.KafkaClusterID))
	}
	return nil
}

// lazyFencer looks up the workers' group only when it fences: only exactly-once
// connectors need it.
type lazyFencer struct {
	kafka *kafka.Client
	rest  *connect.Client

	mu    sync.Mutex
	found *kafka.Fencer
}

func (f *lazyFencer) Fence(ctx context.Context, connector string) ([]string, error) {
	fencer, err := f.fencer(ctx)
	if err != nil {
		return nil, err
	}
	return fencer.Fence(ctx, connector)
}

func (f *lazyFencer) fencer(ctx context.Context) (*kafka.Fencer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found != nil {
		return f.found, nil
	}
	inventory, err := f.rest.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the group of the workers: %w", err)
	}
	group, err := f.kafka.ConnectGroup(ctx, addresses(f.rest, inventory))
	if err != nil {
		return nil, err
	}
	f.found = f.kafka.Fencer(group)
	return f.found, nil
}

// addresses returns the host:port of the workers, both as they report them and as the
// clusters file names them.
func addresses(rest *connect.Client, inventory map[string]connect.Listed) []string {
	var workers []string
	for _, worker := range rest.Workers() {
		if parsed, err := url.Parse(worker); err == nil {
			workers = append(workers, parsed.Host)
		}
	}
	for _, listed := range inventory {
		workers = append(workers, listed.Status.Connector.WorkerID)
		for _, task := range listed.Status.Tasks {
			workers = append(workers, task.WorkerID)
		}
	}
	return workers
}
