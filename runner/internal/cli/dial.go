package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

// dial makes a cluster of the clusters file usable. With needKafka it connects
// to the cluster's Kafka too, if the file names it.
func (s *session) dial(ctx context.Context, name string, needKafka bool) (*move.Cluster, error) {
	settings, err := s.clusters.Cluster(name)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	tlsConfig, err := settings.TLS.Config()
	if err != nil {
		return nil, &plan.InputError{File: "cluster " + name, Err: err}
	}
	login := &login{settings: settings, mask: s.mover.Mask}
	client, err := connect.New(connect.Options{
		Workers: settings.ConnectURLs, TLS: tlsConfig, Authorize: login.authorize, Renew: login.renew, Mask: s.mover.Mask.Text,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	cluster := &move.Cluster{Name: name, Client: client}
	if !needKafka || settings.Kafka == nil {
		return cluster, nil
	}
	if err := s.dialKafka(ctx, cluster, settings.Kafka); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	return cluster, nil
}

func (s *session) dialKafka(ctx context.Context, cluster *move.Cluster, settings *plan.Kafka) error {
	config := kafka.Config{Brokers: settings.BootstrapServers}
	if settings.TLS != nil {
		tlsConfig, err := settings.TLS.Config()
		if err != nil {
			return err
		}
		config.TLS = tlsConfig
	}
	if settings.SASL != nil {
		config.SASL = &kafka.SASL{Mechanism: settings.SASL.Mechanism, Username: settings.SASL.Username, Password: settings.SASL.Password}
	}
	opened, err := kafka.Open(ctx, config)
	if err != nil {
		return fmt.Errorf("%w; correct the kafka section of the clusters file, or go without it with --proof timed", err)
	}
	s.closers = append(s.closers, opened.Close)
	id, err := opened.ClusterID(ctx)
	if err != nil {
		return err
	}
	server, err := cluster.Client.Server(ctx)
	if err != nil {
		return err
	}
	if server.KafkaClusterID != id {
		return &move.RefusedError{Reason: fmt.Sprintf("kafka.bootstrap_servers of cluster %s lead to the Kafka cluster %s, but its workers use %s",
			cluster.Name, id, server.KafkaClusterID)}
	}
	cluster.Groups = opened
	if settings.StatusTopic == "" {
		s.mover.Sink.Emit(event.Note{Level: event.Warn, At: time.Now(), Message: "cluster " + cluster.Name +
			": without kafka.status_storage_topic in the clusters file no hard proof is possible for sources"})
		return nil
	}
	cluster.Status = opened.StatusLog(settings.StatusTopic)
	return nil
}
