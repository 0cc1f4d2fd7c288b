package single

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Steps are the steps of a move, each as a command of its own on one connector.
type Steps struct{ *command.Setup }

// leased holds the lease on one connector while do changes it, and the leases on others
// that nobody may touch meanwhile. connector is its name in the result.
func (s Steps) leased(ctx context.Context, name, connector string, of instance.Instance, others []instance.Instance,
	do func(context.Context, instance.Instance) event.ConnectorResult,
) event.ConnectorResult {
	keys := []lease.Key{{Cluster: of.On(), Connector: of.Name}}
	for _, other := range others {
		keys = append(keys, lease.Key{Cluster: other.On(), Connector: other.Name})
	}
	return s.Leased(ctx, name, s.Begin(connector, of), keys, func(check func(context.Context) error) event.ConnectorResult {
		of.Cluster = of.Cluster.LeaseChecked(check)
		return do(ctx, of)
	})
}

// begin begins a single step on a connector, which must exist.
func (s Steps) begin(ctx context.Context, of instance.Instance) (*command.Run, instance.Observed, error) {
	r := s.Begin(of.Name, of)
	seen, err := of.Observe(ctx, s.Mask)
	if err == nil && !seen.Exists {
		err = of.Cluster.Absent(of.Name)
	}
	r.Result.OriginState, r.Result.OriginTasks = seen.State(), event.TaskStates(seen.Status)
	return r, seen, err
}

// openOne opens the offset store of one connector and reads it.
func openOne(ctx context.Context, of instance.Instance, seen instance.Observed, by offsetstore.Method) (pair.Opened, error) {
	of = of.RetryLonger()
	request := pair.Request{Origin: of.Cluster, Target: of.Cluster, Connector: of.Name, Copy: by}
	return request.Open(ctx, pair.Observation{Origin: seen, Target: seen})
}

// ReadConfig reads a connector's config and teaches the mask its secrets.
func (s Steps) ReadConfig(ctx context.Context, of instance.Instance) (rawjson.Object, error) {
	settings, err := of.Cluster.Client.Config(ctx, of.Name)
	if err != nil {
		return rawjson.Object{}, of.Cluster.Missing(of.Name, err)
	}
	config.Learn(s.Mask, settings)
	return settings, nil
}
