package campaign

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Slots bounds the connectors that are worked on at a time. Give its Release to a Mover as
// BeforeWatch: then a connector whose copy runs, and which is only watched, holds up no other.
type Slots struct {
	free chan struct{}

	mu    sync.Mutex
	taken map[string]bool // by connector
}

// NewSlots returns a number of slots.
func NewSlots(count int) *Slots {
	return &Slots{free: make(chan struct{}, max(count, 1)), taken: map[string]bool{}}
}

// take waits for a slot; it reports false if ctx ends before.
func (s *Slots) take(ctx context.Context, connector string) bool {
	select {
	case s.free <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[connector] = true
	return true
}

// Release gives a connector's slot to another. It may be called more than once.
func (s *Slots) Release(connector string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[connector] {
		delete(s.taken, connector)
		<-s.free
	}
}

// Each does something for each connector, as many at a time as there are slots, in their
// order. do is told in any case; begun says that ctx had not ended when its turn came.
func (s *Slots) Each(ctx context.Context, connectors []string, do func(i int, begun bool)) {
	var group errgroup.Group
	for i, connector := range connectors {
		begun := s.take(ctx, connector)
		group.Go(func() error {
			defer s.Release(connector)
			do(i, begun && ctx.Err() == nil)
			return nil
		})
	}
	_ = group.Wait() // no goroutine returns an error
}
