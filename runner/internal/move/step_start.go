package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// Start lets a stopped or paused connector run and sees it do so. With an
// origin, which may be nil, the copy there must be stopped without tasks and have
// equal offsets.
func (m *Mover) Start(ctx context.Context, of instance.Instance, origin *cluster.Cluster) event.ConnectorResult {
	var others []instance.Instance
	if origin != nil { // nobody is to start the copy there meanwhile
		others = append(others, instance.Instance{Cluster: origin, Name: of.Name})
	}
	return m.leased(ctx, "start", of.Name, of, others, func(ctx context.Context, of instance.Instance) event.ConnectorResult {
		return m.start(ctx, of, origin)
	})
}

func (m *Mover) start(ctx context.Context, of instance.Instance, origin *cluster.Cluster) event.ConnectorResult {
	r, seen, err := m.begin(ctx, of)
	if err == nil && origin != nil {
		err = r.step("interlock", func() (string, error) { return "", r.interlockOne(ctx, of, seen, origin) })
	}
	if err == nil && config.KeepState(seen.Config) != "" && seen.AtRest() {
		err = of.Unmark(ctx)
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	err = r.step("start", func() (string, error) { return of.Start(ctx, connect.Running, 0, m.Options.Start) })
	if err == nil {
		watch := &watch{run: r, copy: of}
		err = r.step("watch", func() (string, error) { return "", watch.do(ctx) })
	}
	if err != nil {
		r.result.Changed = true
		return r.fail(ctx, err)
	}
	r.result.Changed = seen.State() != connect.Running
	r.result.WasState, r.result.OriginState = seen.State(), connect.Running
	return r.end(event.Started, fmt.Sprintf("runs on %s", of.On()))
}

// interlockOne makes sure that the connector on the origin rests and has the offsets
// of the copy that is to start.
func (r *run) interlockOne(ctx context.Context, of instance.Instance, seen instance.Observed, origin *cluster.Cluster) error {
	if seen.Active() && seen.State() != connect.Paused {
		return nil // it runs already, and whether twice is for status to say
	}
	request := pair.Request{Origin: origin, Target: of.Cluster, Connector: of.Name}
	other, err := request.From().Observe(ctx, r.Mask)
	if err != nil {
		return fmt.Errorf("%s: %w", origin.Name, err)
	}
	if !other.Exists {
		return origin.Absent(of.Name)
	}
	if !other.AtRest() {
		return cluster.Refused(fmt.Sprintf("connector is %s on %s, and both would run; stop it there with `ferry flush-wait` first", other, origin.Name))
	}
	if other.Sink() {
		return nil
	}
	opened, err := request.Open(ctx, pair.Observation{Origin: other, Target: seen})
	if err != nil {
		return err
	}
	ours, err := opened.To.Read(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", of.On(), err)
	}
	if difference := offset.Compare(opened.Offsets, ours); !difference.None() {
		return cluster.Refused(fmt.Sprintf("offsets on %s differ from those on %s (%s); copy them with `ferry connect-offsets-get` and `connect-offsets-put` first",
			of.On(), origin.Name, difference))
	}
	return nil
}
