package single

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// Start resumes a stopped or paused connector and watches it run. If origin is not nil,
// the connector there must be stopped without tasks and have the same offsets.
func (s Steps) Start(ctx context.Context, of instance.Instance, origin *cluster.Cluster) event.ConnectorResult {
	var others []instance.Instance
	if origin != nil { // nobody may start the connector there meanwhile
		others = append(others, instance.Instance{Cluster: origin, Name: of.Name})
	}
	return s.leased(ctx, "start", of.Name, of, others, func(ctx context.Context, of instance.Instance) event.ConnectorResult {
		return s.start(ctx, of, origin)
	})
}

func (s Steps) start(ctx context.Context, of instance.Instance, origin *cluster.Cluster) event.ConnectorResult {
	r, seen, err := s.begin(ctx, of)
	if err == nil && origin != nil {
		err = r.Step("interlock", func() (string, error) { return "", s.interlock(ctx, of, seen, origin) })
	}
	if err == nil && seen.AtRest() && config.IsPreliminary(seen.Config) {
		err = cluster.Refused(fmt.Sprintf("the copy on %s does not have the final offsets of its origin: started, it would send records again; "+
			"finish the move with `ferry move`, or give it offsets with `ferry connect-offsets-put`", of.On()))
	}
	if err == nil && config.KeepState(seen.Config) != "" && seen.AtRest() {
		err = of.Unmark(ctx)
	}
	if err != nil {
		return r.Fail(ctx, err)
	}
	err = r.Step("start", func() (string, error) { return of.Start(ctx, connect.Running, 0, s.Options.Start, func() {}) })
	if err == nil {
		watch := &command.Watch{Run: r, Copy: of}
		err = r.Step("watch", func() (string, error) { return "", watch.Do(ctx) })
	}
	if err != nil {
		r.Result.Changed = true
		r.AdviseRestart(of, err)
		return r.Fail(ctx, err)
	}
	r.Result.Changed = seen.State() != connect.Running
	r.Result.WasState, r.Result.OriginState = seen.State(), connect.Running
	return r.End(event.Started, fmt.Sprintf("runs on %s", of.On()))
}

// interlock makes sure that the connector on the origin is at rest and has the same
// offsets as the copy.
func (s Steps) interlock(ctx context.Context, of instance.Instance, seen instance.Observed, origin *cluster.Cluster) error {
	if seen.Active() && seen.State() != connect.Paused {
		return nil // it runs already; Status tells whether it runs twice
	}
	request := pair.Request{Origin: origin, Target: of.Cluster, Connector: of.Name}
	other, err := request.From().Observe(ctx, s.Mask)
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
