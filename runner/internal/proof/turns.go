package proof

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Turns lets the connectors of one command stand still one after the other. Two
// stops at the same time cost more than one after the other: while a cluster
// rebalances for the first, its leader answers neither the second stop nor any
// read of offsets, and a follower hears of another rebalance only with its next
// heartbeat (heartbeat.interval.ms, 3 s). Its zero value is ready.
type Turns struct {
	// File, if set, is a lock that the runs of one machine share, as those of
	// Kestra's parallel sub-flows do. It makes downtime shorter and nothing safer,
	// so a file that cannot be locked, or not soon, is done without.
	File string

	once sync.Once
	free chan struct{}
	held *os.File
}

// shareTime is how long the other runs of the machine are waited for.
const shareTime = 30 * time.Second

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
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if t.File == "" {
		return nil
	}
	if err := t.lock(ctx); err != nil {
		t.give()
		return err
	}
	return nil
}

// lock returns an error only if ctx ended.
func (t *Turns) lock(ctx context.Context) error {
	file, err := os.OpenFile(t.File, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil
	}
	err = wait.Until(ctx, "the other runs of this machine", shareTime, func(context.Context) (bool, string, error) {
		return tryLock(file), "they still have their turn", nil
	})
	if err == nil {
		t.held = file
		return nil
	}
	_ = file.Close()
	if _, ok := asTimeout(err); ok {
		return nil
	}
	return err
}

func (t *Turns) give() {
	if t.held != nil {
		_ = t.held.Close() // which gives up the lock, as the end of the process does
		t.held = nil
	}
	t.free <- struct{}{}
}

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
