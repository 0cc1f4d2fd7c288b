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
	// Shared is a lock that other runs take too, such as those of Kestra's parallel
	// sub-flows. It makes downtime shorter and nothing safer, so a run that cannot take it in
	// time goes on without. May be nil.
	Shared Lock
	// Together is how many connectors have a turn at the same time; 0 means one.
	Together int

	once    sync.Once
	free    chan struct{} // holds one for each connector that has a turn
	locking chan struct{} // taken while members and held change
	members int
	unlock  func() // gives Shared back; nil while this run does not hold it
}

// Lock is taken by one run at a time.
type Lock interface {
	// Try takes the lock. It reports false while another run has it, and takes nothing and
	// reports true if it cannot be used. unlock MUST be called once.
	Try(ctx context.Context) (unlock func(), taken bool)
}

// FileLock returns a lock that is the file at a path: that of all runs on this machine.
func FileLock(path string) Lock { return fileLock(path) }

type fileLock string

func (f fileLock) Try(context.Context) (unlock func(), taken bool) {
	file, err := os.OpenFile(string(f), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}, true
	}
	unlock = func() { _ = file.Close() } // unlocks it, as the end of the process does
	if !tryLock(file) {
		unlock()
		return nil, false
	}
	return unlock, true
}

// shareTime is how long to wait for other runs.
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
	if t.Shared != nil && t.unlock == nil {
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
	err := wait.Until(ctx, "other runs", shareTime, func(ctx context.Context) (taken bool, _ string, _ error) {
		t.unlock, taken = t.Shared.Try(ctx)
		return taken, "they still have their turn", nil
	})
	if _, ok := asTimeout(err); ok {
		return nil
	}
	return err
}

func (t *Turns) release() {
	t.locking <- struct{}{}
	defer func() { <-t.locking }()
	t.members--
	if t.members == 0 && t.unlock != nil {
		t.unlock()
		t.unlock = nil
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
