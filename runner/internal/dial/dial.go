// Package dial opens what a clusters file names: each cluster's REST API with its login,
// and its Kafka with the topics that the cluster keeps there.
package dial

import (
	"context"
	"fmt"
	"slices"
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
	dialed, settings, err := d.connect(name)
	if err != nil || settings.Kafka == nil {
		return dialed, err
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

// connect returns a cluster without its Kafka.
func (d *Dialer) connect(name string) (*cluster.Cluster, clusterfile.Cluster, error) {
	settings, err := d.Clusters.Cluster(name)
	if err != nil {
		return nil, settings, &UnknownClusterError{err}
	}
	tlsConfig, err := settings.TLS.Config()
	if err != nil {
		return nil, settings, &clusterfile.InputError{File: "cluster " + name, Err: err}
	}
	login := &login{settings: settings, mask: d.Mask}
	client, err := connect.New(connect.Options{
		Workers: settings.ConnectURLs, TLS: tlsConfig, Authorize: login.authorize, Renew: login.renew, Mask: d.Mask.Text,
	})
	if err != nil {
		return nil, settings, fmt.Errorf("cluster %s: %w", name, err)
	}
	return &cluster.Cluster{Name: name, Client: client}, settings, nil
}

// Others returns the clusters of the file beside these, without their Kafka. One whose entry is
// wrong is warned of: nobody has asked for it.
func (d *Dialer) Others(than ...string) (others []*cluster.Cluster) {
	for _, name := range d.Clusters.Names() {
		if slices.Contains(than, name) {
			continue
		}
		other, _, err := d.connect(name)
		if err != nil {
			d.note(event.Warn, "cannot look at other clusters: %s", err)
			continue
		}
		others = append(others, other)
	}
	return others
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
