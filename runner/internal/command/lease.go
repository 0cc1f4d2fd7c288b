package command

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// LeasedPair holds the leases on both instances of a connector while do moves it toward a
// cluster, emits the events that this begins and ends, and has a certificate made. do writes to
// the clusters of the request that it is given, and only while the leases are held.
func (s *Setup) LeasedPair(ctx context.Context, command string, request pair.Request, toward string,
	do func(context.Context, pair.Request, *Run) event.ConnectorResult,
) event.ConnectorResult {
	held, err := s.take(ctx, command, request.Keys())
	if err != nil {
		return notTaken(ctx, s.BeginPair(request, ""), err)
	}
	defer held.release(ctx)
	s.Events.Emit(event.MoveStarted{
		Connector: request.Connector, TargetConnector: request.TargetName(), Command: command,
		Origin: request.Origin.Name, Target: request.Target.Name, At: time.Now(),
	})
	kept := s.evidence(command, request)
	result := held.judge(s.besideNeighbours(ctx, request.LeaseChecked(held.check), func(ctx context.Context, request pair.Request) event.ConnectorResult {
		r := s.BeginPair(request, toward)
		r.Evidence = kept
		return do(ctx, request, r)
	}))
	certified := s.certify(ctx, request, result, kept)
	s.Events.Emit(event.MoveEnded{Result: result, At: time.Now()})
	return certified
}

// Leased holds the leases on keys while do works. do gives check to what it writes to, see
// [cluster.Cluster.LeaseChecked]: it fails once a lease is lost. r is the record to end if the
// leases are not to be had.
func (s *Setup) Leased(ctx context.Context, command string, r *Run, keys []lease.Key,
	do func(check func(context.Context) error) event.ConnectorResult,
) event.ConnectorResult {
	held, err := s.take(ctx, command, keys)
	if err != nil {
		return notTaken(ctx, r, err)
	}
	defer held.release(ctx)
	return held.judge(do(held.check))
}

// take takes the leases if leases are configured.
func (s *Setup) take(ctx context.Context, command string, keys []lease.Key) (*held, error) {
	if s.Leases == nil {
		return &held{lease: unleased{}}, nil
	}
	taken, err := s.Leases.Take(ctx, command, keys...)
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
