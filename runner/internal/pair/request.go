// Package pair is one connector on two clusters, the origin and the target: what is
// asked of its move ([Request]), what both clusters say of it ([Observation]), where
// the move stands ([State]), and in which stores its offsets are on both sides
// ([Stores]). It only reads.
package pair

import (
	"context"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Request asks for one connector to be moved from Origin to Target, or back.
type Request struct {
	Origin, Target *cluster.Cluster
	Connector      string
	// TargetConnector is the name on the target; "" means the same.
	TargetConnector string
	// Set overrides settings in the copy's config, Unset leaves settings out.
	Set   map[string]string
	Unset []string
	// Overwrite allows a stopped connector of that name on the target, which is
	// not a copy of this one, to be overwritten.
	Overwrite bool
	// Copy is how the offsets are copied; "" is [offsetstore.Auto].
	Copy offsetstore.Method
	// SameLog states that the topics of a sink hold the same records at the same
	// offsets in the Kafka clusters of both sides.
	SameLog bool
	// OtherKafka accepts that a source's records go to another Kafka cluster.
	OtherKafka bool
	// AtLeastOnce accepts that a copy of an exactly-once source is not, and that a
	// sink's copy on another Kafka cluster sends records again, as its offsets are
	// translated through MirrorMaker's checkpoints.
	AtLeastOnce bool
}

// TargetName is the connector's name on the target.
func (r Request) TargetName() string {
	if r.TargetConnector == "" {
		return r.Connector
	}
	return r.TargetConnector
}

// From is the connector on the origin.
func (r Request) From() instance.Instance {
	return instance.Instance{Cluster: r.Origin, Name: r.Connector}
}

// To is its copy on the target.
func (r Request) To() instance.Instance {
	return instance.Instance{Cluster: r.Target, Name: r.TargetName()}
}

// Keys are the leases that a run needs that writes to both.
func (r Request) Keys() []lease.Key {
	return []lease.Key{{Cluster: r.Origin.Name, Connector: r.Connector}, {Cluster: r.Target.Name, Connector: r.TargetName()}}
}

// CopyConfig returns the config of the copy.
func (r Request) CopyConfig(of rawjson.Object) rawjson.Object {
	return config.Copy(of, r.TargetName(), r.Set, r.Unset)
}

// Changes reports whether a setting is overridden on the target or left out.
func (r Request) Changes(key string) bool {
	_, set := r.Set[key]
	return set || slices.Contains(r.Unset, key)
}

// Back is the request of a rollback: the move the other way.
func (r Request) Back() Request {
	r.Origin, r.Target = r.Target, r.Origin
	r.Connector, r.TargetConnector = r.TargetName(), r.Connector
	r.Set, r.Unset = nil, nil
	return r
}

// RetryLonger is a request whose clusters are tried for as long as a connector may stand
// still.
func (r Request) RetryLonger() Request {
	r.Origin, r.Target = r.Origin.RetryFor(cluster.DowntimeRetry), r.Target.RetryFor(cluster.DowntimeRetry)
	return r
}

// LeaseChecked is a request whose clusters check a lease before each write.
func (r Request) LeaseChecked(check func(context.Context) error) Request {
	r.Origin, r.Target = r.Origin.LeaseChecked(check), r.Target.LeaseChecked(check)
	return r
}
