package offsetstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// readBackTime is how long a worker may take to show offsets that were written.
const readBackTime = 5 * time.Second

// LateWrite is after what time a write whose answer was lost can no longer be
// carried out: a worker gives a request up after 90 s.
const LateWrite = 100 * time.Second

// Written is what came of making offsets equal.
type Written struct {
	Entries int
	// Unclear is when a write was sent last of which nobody knows whether it was
	// carried out, or still will be; zero for none.
	Unclear time.Time
}

// MismatchError says that offsets read back are not those that were written.
type MismatchError struct {
	Cluster    string
	Difference offset.Difference
	Have       offset.Document
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("read back from %s: %s", e.Cluster, e.Difference)
}

// MakeEqual writes to a connector at rest what its offsets lack to be equal to want,
// and reads them back. known are the offsets that are there now; on names the cluster
// in errors. It returns a [MismatchError] if the offsets do not read back as written.
func MakeEqual(ctx context.Context, on string, store Store, want, known offset.Document) (Written, error) {
	patch := offset.Patch(want, known)
	done := Written{Entries: patch.Len()}
	if patch.Len() > 0 {
		var err error
		if done.Unclear, err = store.Write(ctx, patch); err != nil {
			return Written{}, fmt.Errorf("write offsets on %s: %w", on, err)
		}
	}
	have, err := ReadUntil(ctx, on, store, want)
	if err != nil {
		return Written{}, fmt.Errorf("read back from %s: %w", on, err)
	}
	if difference := offset.Compare(want, have); !difference.None() {
		return Written{}, &MismatchError{Cluster: on, Difference: difference, Have: have}
	}
	return done, nil
}

// ReadUntil reads offsets until they are as wanted, or for long enough that they
// are taken to be what they are: a worker learns of them from a topic, and a
// balancer may ask one that lags behind.
func ReadUntil(ctx context.Context, on string, store Store, want offset.Document) (have offset.Document, err error) {
	err = wait.Until(ctx, "the offsets on "+on, readBackTime, func(ctx context.Context) (bool, string, error) {
		var err error
		have, err = store.Read(ctx)
		return err == nil && offset.Equal(want, have), "they do not read back as written", err
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); ok {
		err = nil
	}
	return have, err
}

// agreeing is how many reads in a row have to agree where one of them contradicts
// what was read before.
const agreeing = 3

// ReadAgreed reads until several reads in a row agree: a balancer may ask workers
// in turn, of which one lags behind.
func ReadAgreed(ctx context.Context, on string, store Store) (offset.Document, error) {
	var agreed row
	err := wait.Until(ctx, "the offsets on "+on, cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		err := agreed.read(ctx, store)
		return err == nil && agreed.equal >= agreeing, "no " + strconv.Itoa(agreeing) + " reads in a row agree", err
	})
	return agreed.last, err
}

const (
	stableReads = 2
	stableTries = 20
	stablePause = 250 * time.Millisecond
)

// ReadStable reads until two reads agree. Of a connector that commits faster than
// that, stable is false.
func ReadStable(ctx context.Context, store Store) (last offset.Document, stable bool, err error) {
	var agreed row
	for range stableTries {
		if err := agreed.read(ctx, store); err != nil {
			return offset.Document{}, false, err
		}
		if agreed.equal == stableReads {
			return agreed.last, true, nil
		}
		if err := wait.For(ctx, stablePause); err != nil {
			return offset.Document{}, false, err
		}
	}
	return agreed.last, false, nil
}

// row is the last of some reads, and how many in a row were equal to it.
type row struct {
	last  offset.Document
	equal int
}

func (r *row) read(ctx context.Context, store Store) error {
	next, err := store.Read(ctx)
	if err != nil {
		return err
	}
	if r.equal > 0 && offset.Equal(r.last, next) {
		r.equal++
	} else {
		r.equal = 1
	}
	r.last = next
	return nil
}
