// Package pair is one connector on two clusters, the origin and the target: the request
// to move it ([Request]), what both clusters say of it ([Observation]), where the move
// stands ([State]), and the stores of its offsets on both sides ([Stores]). It only
// reads.
package pair

import (
	"context"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Request asks to move one connector from Origin to Target, or back.
type Request struct {
	Origin, Target *cluster.Cluster
	Connector      string
	// TargetConnector is the name on the target; "" means the same.
	TargetConnector string
	// Set overrides settings on the target, Unset removes them there.
	Set   map[string]string
	Unset []string
	// Overwrite allows the move to replace a stopped connector of that name on the target
	// that is not a copy of this one.
	Overwrite bool
	// Copy is how the offsets are copied; "" is [offsetstore.Auto].
	Copy offsetstore.Method
	// SameLog states that a sink's topics hold the same records at the same offsets in
	// both Kafka clusters.
	SameLog bool
	// OtherKafka accepts that a source's records go to another Kafka cluster.
	OtherKafka bool
	// AtLeastOnce accepts at-least-once delivery on the target: for a source that is
	// exactly-once on the origin, and for a sink whose offsets are translated for another
	// Kafka cluster through MirrorMaker's checkpoints.
	AtLeastOnce bool
	// Planned is what a plan says of the connector; nil if there is no plan.
	Planned *Planned
}

// Planned is a connector as it was reviewed: a move of it is refused if it has changed since.
type Planned struct {
	State connect.State
	// ConfigSHA256 and CopySHA256 are the hashes of its config, and of that of the copy,
	// without marks.
	ConfigSHA256, CopySHA256 string
}

// Changed says in what the connector differs from what was planned, "" if in nothing that
// matters. A finished move has no differences: its copy belongs to its owner.
func (p *Planned) Changed(seen Observation) string {
	switch {
	case p == nil || !seen.Origin.Exists || seen.State().Finished():
		return ""
	case config.WithoutMarks(seen.Origin.Config).Value().SHA256() != p.ConfigSHA256:
		return "its config has changed since the plan was made"
	case p.State == connect.Running && seen.Origin.AtRest() && seen.Was() != connect.Running:
		return fmt.Sprintf("it was RUNNING when the plan was made, and is %s: somebody stopped it, or moved it by another plan", seen.Origin.State())
	default:
		return ""
	}
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

// Keys are the leases that a run needs to write to both clusters.
func (r Request) Keys() []lease.Key {
	return []lease.Key{{Cluster: r.Origin.Name, Connector: r.Connector}, {Cluster: r.Target.Name, Connector: r.TargetName()}}
}

// CopyConfig returns the config of the copy.
func (r Request) CopyConfig(of rawjson.Object) rawjson.Object {
	return config.Copy(of, r.TargetName(), r.Set, r.Unset)
}

// Changes reports whether a setting is overridden or removed on the target.
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

// RetryLonger returns the request with clients that retry for as long as a connector may
// stand still.
func (r Request) RetryLonger() Request {
	r.Origin, r.Target = r.Origin.RetryFor(cluster.DowntimeRetry), r.Target.RetryFor(cluster.DowntimeRetry)
	return r
}

// LeaseChecked returns the request with clients that call check before each write.
func (r Request) LeaseChecked(check func(context.Context) error) Request {
	r.Origin, r.Target = r.Origin.LeaseChecked(check), r.Target.LeaseChecked(check)
	return r
}
