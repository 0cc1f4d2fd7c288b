package move

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// leasedPair holds the leases on both instances of a connector while do moves it or rolls
// it back, emits the events that this begins and ends, and has a certificate made.
func (m *Mover) leasedPair(ctx context.Context, command string, request pair.Request,
	do func(context.Context, pair.Request, *certificate.Evidence) event.ConnectorResult,
) event.ConnectorResult {
	held, err := m.take(ctx, command, request.Keys())
	if err != nil {
		return notTaken(ctx, m.newPairRun(request, ""), err)
	}
	defer held.release(ctx)
	m.Events.Emit(event.MoveStarted{
		Connector: request.Connector, TargetConnector: request.TargetName(), Command: command,
		Origin: request.Origin.Name, Target: request.Target.Name, At: time.Now(),
	})
	kept := m.evidence(command, request)
	result := held.judge(m.besideNeighbours(ctx, request.LeaseChecked(held.check), func(ctx context.Context, request pair.Request) event.ConnectorResult {
		return do(ctx, request, kept)
	}))
	certified := m.certify(ctx, request, result, kept)
	m.Events.Emit(event.MoveEnded{Result: result, At: time.Now()})
	return certified
}

// leased holds the lease on one connector while do changes it, and the leases on others
// that nobody may touch meanwhile. connector is its name in the result.
func (m *Mover) leased(ctx context.Context, command, connector string, of instance.Instance, others []instance.Instance,
	do func(context.Context, instance.Instance) event.ConnectorResult,
) event.ConnectorResult {
	keys := []lease.Key{{Cluster: of.On(), Connector: of.Name}}
	for _, other := range others {
		keys = append(keys, lease.Key{Cluster: other.On(), Connector: other.Name})
	}
	held, err := m.take(ctx, command, keys)
	if err != nil {
		return notTaken(ctx, m.newRun(connector, of), err)
	}
	defer held.release(ctx)
	of.Cluster = of.Cluster.LeaseChecked(held.check)
	return held.judge(do(ctx, of))
}

// take takes the leases if leases are configured.
func (m *Mover) take(ctx context.Context, command string, keys []lease.Key) (*held, error) {
	if m.Leases == nil {
		return &held{lease: unleased{}}, nil
	}
	taken, err := m.Leases.Take(ctx, command, keys...)
	return &held{lease: taken}, err
}

func notTaken(ctx context.Context, r *Run, err error) event.ConnectorResult {
	result := r.Fail(ctx, err)
	if result.Outcome == event.Held {
		result.Instructions = "nothing was changed; run the same command again when that run has ended"
	}
	return result
}

// unleased stands in where no leases are configured.
type unleased struct{}

func (unleased) Check(context.Context) error { return nil }
func (unleased) Release(context.Context)     {}

// held is a lease that is checked before each write and remembers if it was lost.
type held struct {
	lease lease.Lease

	mu   sync.Mutex
	lost *lease.LostError
}

func (h *held) release(ctx context.Context) { h.lease.Release(context.WithoutCancel(ctx)) }

func (h *held) check(ctx context.Context) error {
	err := h.lease.Check(ctx)
	if lost, ok := errors.AsType[*lease.LostError](err); ok {
		h.mu.Lock()
		h.lost = lost
		h.mu.Unlock()
	}
	return err
}

// judge makes the result of a run that lost its lease say so. A run that had already
// finished keeps its result, and so does one that found the connector running twice.
func (h *held) judge(result event.ConnectorResult) event.ConnectorResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil {
		return result
	}
	switch result.Outcome { //nolint:exhaustive // the others are final
	case event.Failed, event.NotProven, event.Refused, event.Interrupted:
		result.Outcome, result.Message = event.Held, event.OneLine(h.lost.Reason)+"; this run has written nothing since, and put nothing back"
		result.Instructions = "that run goes on from where the clusters stand; see `ferry status`"
	}
	return result
}
