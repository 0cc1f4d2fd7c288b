// Package dial opens what a clusters file names: each cluster's REST API with its login,
// and its Kafka with the topics that the cluster keeps there.
package dial

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Dialer opens the clusters of one clusters file. Close it.
type Dialer struct {
	Clusters clusterfile.Clusters
	Mask     *secret.Mask // learns the tokens that are fetched
	Events   event.Recorder

	opened []interface{ Close() }
}

// UnknownClusterError says that the clusters file does not have a cluster.
type UnknownClusterError struct{ Err error }

func (e *UnknownClusterError) Error() string { return e.Err.Error() }

// Close closes the connections to Kafka.
func (d *Dialer) Close() {
	for _, opened := range d.opened {
		opened.Close()
	}
	d.opened = nil
}

// Dial opens a cluster, and its Kafka if the clusters file names it. If that Kafka cannot
// be reached, it fails with needKafka and only warns without. Errors in the file are an
// [UnknownClusterError] or a [clusterfile.InputError].
func (d *Dialer) Dial(ctx context.Context, name string, needKafka bool) (*cluster.Cluster, error) {
	settings, err := d.Clusters.Cluster(name)
	if err != nil {
		return nil, &UnknownClusterError{err}
	}
	tlsConfig, err := settings.TLS.Config()
	if err != nil {
		return nil, &clusterfile.InputError{File: "cluster " + name, Err: err}
	}
	login := &login{settings: settings, mask: d.Mask}
	client, err := connect.New(connect.Options{
		Workers: settings.ConnectURLs, TLS: tlsConfig, Authorize: login.authorize, Renew: login.renew, Mask: d.Mask.Text,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	dialed := &cluster.Cluster{Name: name, Client: client}
	if settings.Kafka == nil {
		return dialed, nil
	}
	dialed.Kafka, err = d.kafka(ctx, dialed, settings.Kafka)
	if err != nil && needKafka {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	if err != nil {
		d.note(event.Warn, "cluster %s: continuing without its Kafka: %s", name, err)
	}
	return dialed, nil
}

// Warn warns if a cluster's Kafka is named but its status topic cannot be reached, so
// that there is no hard proof for its sources. Call it only for the side where connectors
// are stopped.
func (d *Dialer) Warn(of *cluster.Cluster) {
	if why := of.Kafka.Status.Why(); why != nil {
		d.note(event.Warn, "%v; without it no hard proof is possible for sources", why)
	}
}

func (d *Dialer) note(level event.Level, format string, arguments ...any) {
	d.Events.Emit(event.Note{Level: level, At: time.Now(), Message: fmt.Sprintf(format, arguments...)})
}
