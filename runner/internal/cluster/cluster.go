// Package cluster is one Connect cluster: its REST API, the version of its workers,
// and what can be reached of its Kafka.
//
// What a [Cluster] can do is asked, not guessed. [Cluster.Has] tells what its version
// can; [Cluster.StatusTopic], [Cluster.OffsetTopic] and their like return a part of
// its Kafka, or the error that says what to name in the clusters file. Package dial
// makes clusters.
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
	// Kafka is what can be reached of the Kafka that its workers use. The zero value
	// says that the clusters file names no Kafka.
	Kafka Kafka

	version   atomic.Pointer[Version] // once it was asked for
	kafkaSeen atomic.Pointer[string]  // id of the Kafka cluster that its workers are on, likewise
}

// How long a request is tried again in the two phases in which giving up early is worse
// than waiting: while a connector stands still, and while it is put back.
const (
	DowntimeRetry = 30 * time.Second
	PutBackRetry  = 5 * time.Minute
)

// How long a cluster may take to show what is so: StaleTime is how long a worker may
// show an older state than the others, so that only what is seen for longer counts as
// somebody's doing; SettleTime is how long a cluster may take to show what it has
// accepted.
const (
	StaleTime  = 10 * time.Second
	SettleTime = 30 * time.Second
)

// RetryFor returns the cluster with a client that tries for longer.
func (c *Cluster) RetryFor(limit time.Duration) *Cluster {
	return c.with(c.Client.RetryFor(limit), c.Kafka)
}

// with returns the cluster with another client and Kafka.
func (c *Cluster) with(client *connect.Client, kafka Kafka) *Cluster {
	other := &Cluster{Name: c.Name, Client: client, Kafka: kafka}
	other.version.Store(c.version.Load())
	other.kafkaSeen.Store(c.kafkaSeen.Load())
	return other
}

// RestState is the state in which a connector rests on the cluster's workers. It may
// only be asked once the version is known, see [Cluster.Has].
func (c *Cluster) RestState() connect.State {
	if c.Has(Stop) {
		return connect.Stopped
	}
	return connect.Paused
}
