package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
)

// dial makes a cluster of the clusters file usable, and its Kafka too, if the file
// names it. Without needKafka, a Kafka that cannot be reached is only told of.
func (s *session) dial(ctx context.Context, name string, needKafka bool) (*move.Cluster, error) {
	settings, err := s.clusters.Cluster(name)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	tlsConfig, err := settings.TLS.Config()
	if err != nil {
		return nil, &clusterfile.InputError{File: "cluster " + name, Err: err}
	}
	login := &login{settings: settings, mask: s.mover.Mask}
	client, err := connect.New(connect.Options{
		Workers: settings.ConnectURLs, TLS: tlsConfig, Authorize: login.authorize, Renew: login.renew, Mask: s.mover.Mask.Text,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	cluster := &move.Cluster{Name: name, Client: client}
	if settings.Kafka == nil {
		return cluster, nil
	}
	err = s.dialKafka(ctx, cluster, settings.Kafka)
	if err != nil && needKafka {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	if err != nil {
		s.mover.Events.Emit(event.Note{Level: event.Warn, At: time.Now(), Message: fmt.Sprintf("cluster %s: going on without its Kafka: %s", name, err)})
	}
	return cluster, nil
}
