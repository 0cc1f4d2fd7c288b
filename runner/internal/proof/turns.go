package proof

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Turns lets the connectors of one command stand still a few at a time. More stops at the same
// time cost more: while a cluster rebalances for the first, its leader answers neither the
// second stop nor any read of offsets, and a follower hears of another rebalance only with its
// next heartbeat (heartbeat.interval.ms, 3 s). The zero value is ready to use.
type Turns struct {
	// File, if set, is a lock file that the runs of one machine share, such as those of
	// Kestra's parallel sub-flows. It makes downtime shorter and nothing safer, so a run
	// that cannot lock it in time goes on without.
	File string
	// Together is how many connectors have a turn at the same time; 0 means one.
	Together int

	once    sync.Once
	free    chan struct{} // holds one for each connector that has a turn
	locking chan struct{} // taken while members and held change
	members int
	held    *os.File
}

// shareTime is how long to wait for the other runs of the machine.
const shareTime = 30 * time.Second

func (t *Turns) init() {
	t.once.Do(func() {
		t.free, t.locking = make(chan struct{}, max(t.Together, 1)), make(chan struct{}, 1)
	})
}

func (t *Turns) take(ctx context.Context) error {
	t.init()
	for _, wanted := range []chan struct{}{t.free, t.locking} {
		select {
		case wanted <- struct{}{}:
		case <-ctx.Done():
			if wanted == t.locking {
				<-t.free
			}
			return context.Cause(ctx)
		}
	}
	defer func() { <-t.locking }()
	if t.File != "" && t.held == nil {
		if err := t.lock(ctx); err != nil {
			<-t.free
			return err
		}
	}
	t.members++
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

func (t *Turns) release() {
	t.locking <- struct{}{}
	defer func() { <-t.locking }()
	t.members--
	if t.members == 0 && t.held != nil {
		_ = t.held.Close() // releases the lock, as the end of the process does
		t.held = nil
	}
	<-t.free
}

// takeTurn waits until no other connector of the command is between its pause and the
// start of its copy.
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

// EndTurn gives the turn to the next connector. It may be called more than once.
func (a *Attempt) EndTurn() {
	if a.inTurn {
		a.inTurn = false
		a.prover.Turns.release()
	}
}
