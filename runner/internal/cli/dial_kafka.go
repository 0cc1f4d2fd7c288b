package cli

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
)

// dialKafka opens the cluster's Kafka and fills in what of it is known.
func (s *session) dialKafka(ctx context.Context, cluster *move.Cluster, settings *clusterfile.Kafka) error {
	opened, err := openKafka(ctx, settings)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, opened.Close)
	if cluster.KafkaID, err = sameKafka(ctx, cluster, opened); err != nil {
		return err
	}
	cluster.Groups, cluster.GroupOffsets = opened, opened
	cluster.Mirrors = &move.Mirrors{Log: opened, Open: openPlain}
	cluster.Fencer = &lazyFencer{kafka: opened, rest: cluster.Client}
	topics, err := s.topics(ctx, cluster, settings, opened)
	if err != nil {
		return err
	}
	if topics.Status.Err == nil {
		cluster.Status = opened.StatusLog(topics.Status.Name)
	}
	cluster.Offsets = func(topic string) (move.OffsetTopic, error) {
		if topic != "" {
			return opened.OffsetLog(topic), nil
		}
		if topics.Offsets.Err != nil {
			return nil, unknown("offset", cluster.Name, topics.Offsets.Err)
		}
		return opened.OffsetLog(topics.Offsets.Name), nil
	}
	cluster.Configs = func() (move.ConfigTopic, error) {
		if topics.Config.Err != nil {
			return nil, unknown("config", cluster.Name, topics.Config.Err)
		}
		return opened.ConfigLog(topics.Config.Name), nil
	}
	return nil
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

// openPlain opens a Kafka that asks for no login, of which only the brokers are known.
func openPlain(ctx context.Context, brokers []string) (move.MirrorLog, func(), error) {
	opened, err := kafka.Open(ctx, kafka.Config{Brokers: brokers})
	if err != nil {
		return nil, nil, err
	}
	return opened, opened.Close, nil
}

// sameKafka refuses a Kafka that is not the one the cluster's workers use.
func sameKafka(ctx context.Context, cluster *move.Cluster, opened *kafka.Client) (string, error) {
	id, err := opened.ClusterID(ctx)
	if err != nil {
		return "", err
	}
	server, err := cluster.Client.Server(ctx)
	if err != nil {
		return "", err
	}
	if server.KafkaClusterID != id {
		return "", &move.RefusedError{Reason: fmt.Sprintf("kafka.bootstrap_servers of cluster %s lead to the Kafka cluster %s, but its workers use %s",
			cluster.Name, id, server.KafkaClusterID)}
	}
	return id, nil
}

// lazyFencer finds out which group the workers are when something is to be
// fenced, as only exactly-once connectors need to know.
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

// addresses returns where the workers are, as host:port: as they say themselves,
// and as the clusters file says.
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
