package proof

import (
	"context"
	"sync"
)

// Turns lets the connectors of one command stand still one after the other. Two
// stops at the same time cost more than one after the other: while a cluster
// rebalances for the first, its leader answers neither the second stop nor any
// read of offsets, and a follower hears of another rebalance only with its next
// heartbeat (heartbeat.interval.ms, 3 s). Its zero value is ready.
type Turns struct {
	once sync.Once
	free chan struct{}
}

func (t *Turns) init() {
	t.once.Do(func() {
		t.free = make(chan struct{}, 1)
		t.free <- struct{}{}
	})
}

func (t *Turns) take(ctx context.Context) error {
	t.init()
	select {
	case <-t.free:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *Turns) give() { t.free <- struct{}{} }

// takeTurn waits until no other connector of the same command is between its
// pause and the start of its copy.
func (a *Attempt) takeTurn(ctx context.Context) error {
	if a.prover.Turns == nil || a.inTurn {
		return nil
	}
	if err := a.prover.Turns.take(ctx); err != nil {
		return err
	}
	a.inTurn = true
	return nil
}

// EndTurn lets the next connector go. It may be called more than once.
func (a *Attempt) EndTurn() {
	if a.inTurn {
		a.inTurn = false
		a.prover.Turns.give()
	}
}
