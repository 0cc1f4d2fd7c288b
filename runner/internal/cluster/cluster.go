// Package cluster is one Connect cluster: its REST API, the version of its workers, and
// the parts of its Kafka that can be reached.
//
// [Cluster.Has] reports what its version can do. [Cluster.StatusTopic],
// [Cluster.OffsetTopic] and the like return a part of its Kafka, or an error that says
// what to name in the clusters file. Package dial makes clusters.
package cluster

import (
	"sync/atomic"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// Cluster is one Connect cluster. It is safe for concurrent use; do not copy it.
type Cluster struct {
	Name   string
	Client *connect.Client
	// Kafka is the Kafka that its workers use. The zero value means that the clusters
	// file names none.
	Kafka Kafka

	version   atomic.Pointer[Version] // nil until [Cluster.Version] has read it
	kafkaSeen atomic.Pointer[string]  // id of the workers' Kafka cluster, likewise
}

// How long requests are retried while giving up early is worse than waiting: while a
// connector stands still, and while it is put back.
const (
	DowntimeRetry = 30 * time.Second
	PutBackRetry  = 5 * time.Minute
)

// StaleTime is how long a worker may lag behind the others: only a state that is seen for
// longer counts as somebody's doing. SettleTime is how long a cluster may take to show
// what it has accepted.
const (
	StaleTime  = 10 * time.Second
	SettleTime = 30 * time.Second
)

// RetryFor returns the cluster with a client that retries for up to limit.
func (c *Cluster) RetryFor(limit time.Duration) *Cluster {
	return c.with(c.Client.RetryFor(limit), c.Kafka)
}

// Remembering returns the cluster with a client that asks for the plugins only once.
func (c *Cluster) Remembering() *Cluster { return c.with(c.Client.Remembering(), c.Kafka) }

// with returns a copy of the cluster with another client and Kafka.
func (c *Cluster) with(client *connect.Client, kafka Kafka) *Cluster {
	other := &Cluster{Name: c.Name, Client: client, Kafka: kafka}
	other.version.Store(c.version.Load())
	other.kafkaSeen.Store(c.kafkaSeen.Load())
	return other
}

// RestState is the state of a connector at rest on this cluster. Call it only once the
// version is known, see [Cluster.Has].
func (c *Cluster) RestState() connect.State {
	if c.Has(Stop) {
		return connect.Stopped
	}
	return connect.Paused
}
