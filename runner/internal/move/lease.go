package move

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// leased does something to a connector with the leases of the given places, and
// tells of it as of a move or rollback if told is true.
func (m *Mover) leased(ctx context.Context, command string, request Request, places []lease.Key, told bool,
	do func(context.Context, Request) event.ConnectorResult,
) event.ConnectorResult {
	guard := &guard{}
	if m.Leases != nil {
		lease, err := m.Leases.Take(ctx, command, places...)
		if err != nil {
			return m.notTaken(ctx, request, err)
		}
		defer lease.Release(context.WithoutCancel(ctx))
		guard.lease = lease
		request = request.guarded(guard.check)
	}
	if !told {
		return guard.judge(do(ctx, request))
	}
	m.Events.Emit(event.MoveStarted{
		Connector: request.Connector, TargetConnector: request.targetName(), Command: command,
		Origin: request.Origin.Name, Target: request.Target.Name, At: time.Now(),
	})
	result := guard.judge(do(ctx, request))
	m.Events.Emit(event.MoveEnded{Result: result, At: time.Now()})
	return result
}

func (r Request) bothPlaces() []lease.Key {
	return []lease.Key{{Cluster: r.Origin.Name, Connector: r.Connector}, {Cluster: r.Target.Name, Connector: r.targetName()}}
}

func (m *Mover) notTaken(ctx context.Context, request Request, err error) event.ConnectorResult {
	r := m.newRun(request)
	result := r.fail(ctx, err)
	if result.Outcome == event.Held {
		result.Instructions = "nothing was changed; run the same command again when that run has ended"
	}
	return result
}

// guard asks for a lease before each write, and remembers that it was lost.
type guard struct {
	lease lease.Lease

	mu   sync.Mutex
	lost *lease.LostError
}

func (g *guard) check(ctx context.Context) error {
	err := g.lease.Check(ctx)
	if lost, ok := errors.AsType[*lease.LostError](err); ok {
		g.mu.Lock()
		g.lost = lost
		g.mu.Unlock()
	}
	return err
}

// judge makes the result of a run that could not write any more say why. One that
// had reached its end before keeps it, and the alarm that a connector runs twice
// comes before everything.
func (g *guard) judge(result event.ConnectorResult) event.ConnectorResult {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost == nil {
		return result
	}
	switch result.Outcome { //nolint:exhaustive // the others are ends that were reached
	case event.Failed, event.NotProven, event.Refused, event.Interrupted:
		result.Outcome, result.Message = event.Held, event.OneLine(g.lost.Reason)+"; this run has written nothing since, and put nothing back"
		result.Instructions = "that run goes on from where the clusters stand; see `ferry status`"
	}
	return result
}

func (r Request) guarded(check func(context.Context) error) Request {
	r.Origin = r.Origin.guarded(check)
	if r.Target != nil {
		r.Target = r.Target.guarded(check)
	}
	return r
}

// guarded returns the cluster with a check before everything that writes to it.
func (c *Cluster) guarded(check func(context.Context) error) *Cluster {
	guarded := c.clone(c.Client.Guarded(check))
	if c.Offsets != nil {
		guarded.Offsets = func(name string) (OffsetTopic, error) {
			topic, err := c.Offsets(name)
			if err != nil {
				return nil, err
			}
			return guardedTopic{topic, check}, nil
		}
	}
	if c.Configs != nil {
		guarded.Configs = func() (ConfigTopic, error) {
			topic, err := c.Configs()
			if err != nil {
				return nil, err
			}
			return guardedConfigs{topic, check}, nil
		}
	}
	if c.GroupOffsets != nil {
		guarded.GroupOffsets = guardedGroups{c.GroupOffsets, check}
	}
	if c.Fencer != nil {
		guarded.Fencer = guardedFencer{c.Fencer, check}
	}
	return guarded
}

type guardedTopic struct {
	OffsetTopic
	check func(context.Context) error
}

func (g guardedTopic) Write(ctx context.Context, connector string, patch offset.Document) error {
	if err := g.check(ctx); err != nil {
		return fmt.Errorf("offsets topic %s: not written: %w", g.Name(), err)
	}
	return g.OffsetTopic.Write(ctx, connector, patch)
}

type guardedConfigs struct {
	ConfigTopic
	check func(context.Context) error
}

func (g guardedConfigs) SetTargetState(ctx context.Context, connector string, state connect.State) error {
	if err := g.check(ctx); err != nil {
		return fmt.Errorf("config topic: not written: %w", err)
	}
	return g.ConfigTopic.SetTargetState(ctx, connector, state)
}

type guardedGroups struct {
	groups
	check func(context.Context) error
}

// groups embeds under a name that is not that of one of its methods.
type groups interface{ GroupOffsets }

func (g guardedGroups) CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error {
	if err := g.check(ctx); err != nil {
		return fmt.Errorf("group %s: not written: %w", group, err)
	}
	return g.groups.CommitGroupOffsets(ctx, group, patch)
}

type guardedFencer struct {
	fencer proof.Fencer
	check  func(context.Context) error
}

func (g guardedFencer) Fence(ctx context.Context, connector string) ([]string, error) {
	if err := g.check(ctx); err != nil {
		return nil, fmt.Errorf("transactional ids of %s: not fenced: %w", connector, err)
	}
	return g.fencer.Fence(ctx, connector)
}
