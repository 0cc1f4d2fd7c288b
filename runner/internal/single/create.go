package single

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// CreateStopped creates a stopped connector and proves that it has no tasks.
// request.Origin is the cluster the config came from, or nil; if set, the copy is marked
// with the state of a paused or stopped origin. was is that state; "" is the one it has now.
func (s Steps) CreateStopped(ctx context.Context, request pair.Request, settings rawjson.Object, was connect.State) event.ConnectorResult {
	return s.leased(ctx, "create-stopped", request.Connector, request.To(), nil, func(ctx context.Context, to instance.Instance) event.ConnectorResult {
		request.Target = to.Cluster
		return s.createStopped(ctx, request, request.CopyConfig(settings), was)
	})
}

func (s Steps) createStopped(ctx context.Context, request pair.Request, settings rawjson.Object, was connect.State) event.ConnectorResult {
	to := request.To()
	r := s.Begin(request.Connector, to)
	config.Learn(s.Mask, settings)
	existing, err := s.creatable(ctx, request, settings)
	if err == nil && request.Origin != nil {
		settings, err = s.rememberState(ctx, request, settings, was)
	}
	if err != nil {
		return r.Fail(ctx, err)
	}
	created := false
	err = r.Step("create", func() (detail string, err error) {
		created, err = to.CreateStopped(ctx, settings, existing.Exists)
		return "no tasks", err
	})
	if err != nil {
		return r.Fail(ctx, err)
	}
	replaced := existing.Exists && !rawjson.Equal(existing.Config.Value(), settings.Value())
	r.Result.Changed, r.Result.TargetState = created || replaced, to.Cluster.RestState()
	r.Result.ConfigHash = &event.Hashes{Target: config.WithoutMarks(settings).Value().SHA256()}
	switch {
	case replaced:
		return r.End(event.Created, fmt.Sprintf("config of the stopped connector on %s replaced", to.On()))
	case !created:
		return r.End(event.Unchanged, fmt.Sprintf("is stopped on %s already", to.On()))
	default:
		return r.End(event.Created, fmt.Sprintf("created stopped on %s, without tasks", to.On()))
	}
}

// creatable returns the connector that exists under the name, if any, or an error if the
// new one cannot be created.
func (s Steps) creatable(ctx context.Context, request pair.Request, settings rawjson.Object) (instance.Observed, error) {
	to := request.To()
	if err := check.Creatable(ctx, to.Cluster, settings); err != nil {
		return instance.Observed{}, err
	}
	existing, err := to.Observe(ctx, s.Mask)
	if err != nil || !existing.Exists {
		return existing, err
	}
	differing := config.Differing(config.WithoutMarks(existing.Config), settings)
	if len(differing) > 0 && !request.Overwrite || !existing.AtRest() {
		return existing, cluster.Refused(fmt.Sprintf("name %q is taken on %s by a connector that is %s and differs in %q; choose another name, or replace a stopped one with --overwrite",
			to.Name, to.On(), existing, differing))
	}
	return existing, nil
}

// rememberState adds a mark to the config if the origin is paused or stopped.
func (s Steps) rememberState(ctx context.Context, request pair.Request, settings rawjson.Object, was connect.State) (rawjson.Object, error) {
	if was == "" {
		seen, err := request.Observe(ctx, s.Mask)
		if err != nil {
			return settings, err
		}
		was = seen.Was()
	}
	if was == connect.Paused || was == connect.Stopped {
		settings = config.WithKeepState(settings, was)
	}
	return settings, nil
}
