package offsetstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// readBackTime is how long a worker may take to show offsets that were written.
const readBackTime = 5 * time.Second

// LateWrite is after what time a write whose answer was lost can no longer take effect: a
// worker gives up a request after 90 s.
const LateWrite = 100 * time.Second

// Written is the result of [MakeEqual].
type Written struct {
	Entries int
	// Unanswered is when the last write was sent whose answer was lost, so that it may still
	// take effect; zero if there is none.
	Unanswered time.Time
}

// MismatchError says that offsets do not read back as written.
type MismatchError struct {
	Cluster    string
	Difference offset.Difference
	Have       offset.Document
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("read back from %s: %s", e.Cluster, e.Difference)
}

// MakeEqual makes the offsets of a connector at rest equal to want: it writes the
// difference to known, the present offsets, and reads back. on names the cluster in
// errors. It returns a [MismatchError] if the offsets do not read back as written.
func MakeEqual(ctx context.Context, on string, store Store, want, known offset.Document) (Written, error) {
	patch := offset.Patch(want, known)
	done := Written{Entries: patch.Len()}
	if patch.Len() > 0 {
		var err error
		if done.Unanswered, err = store.Write(ctx, patch); err != nil {
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

// MakeEqualAgain is [MakeEqual], and tries once more if the offsets do not read back: somebody
// wrote in between, or a write of an earlier run took effect late. again, which may be nil, is told
// of it before.
func MakeEqualAgain(ctx context.Context, on string, store Store, want, known offset.Document, again func(*MismatchError)) (Written, error) {
	done, err := MakeEqual(ctx, on, store, want, known)
	mismatch, ok := errors.AsType[*MismatchError](err)
	if !ok {
		return done, err
	}
	if again != nil {
		again(mismatch)
	}
	return MakeEqual(ctx, on, store, want, mismatch.Have)
}

// AwaitLate waits until a write whose answer was lost can no longer take effect. say is told
// before, if there is one.
func (w Written) AwaitLate(ctx context.Context, say func()) error {
	if w.Unanswered.IsZero() {
		return nil
	}
	say()
	return wait.For(ctx, time.Until(w.Unanswered.Add(LateWrite)))
}

// ReadUntil reads offsets until they equal want, and returns the last ones read if they
// do not in time. A worker learns offsets from a topic, and a load balancer may pick one
// that lags behind.
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

// agreeing is how many reads in a row must agree after one contradicted an earlier read.
const agreeing = 3

// ReadAgreed reads until several reads in a row agree: a load balancer may ask the
// workers in turn, and one may lag behind.
func ReadAgreed(ctx context.Context, on string, store Store) (offset.Document, error) {
	var agreed streak
	err := wait.Until(ctx, "the offsets on "+on, cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		err := agreed.read(ctx, store)
		return err == nil && agreed.equal >= agreeing, "no " + strconv.Itoa(agreeing) + " reads in a row agree", err
	})
	return agreed.last, err
}

// ReadAtRest makes sure that a connector is at rest and returns its offsets. If they differ from
// expected, which may be nil, it reads them again until several reads agree. It looks at the state
// again at the end: somebody may start the connector while its offsets are read.
func ReadAtRest(ctx context.Context, of instance.Instance, store Store, expected *offset.Document) (document offset.Document, err error) {
	of = of.RetryLonger()
	if err := of.AwaitRest(ctx); err != nil {
		return offset.Document{}, err
	}
	err = of.UntilKnown(ctx, "offsets", func(ctx context.Context) (err error) {
		document, err = store.Read(ctx)
		return err
	})
	if err == nil && expected != nil && !offset.Equal(*expected, document) {
		document, err = ReadAgreed(ctx, of.On(), store)
	}
	if err == nil {
		err = of.AwaitRest(ctx)
	}
	if err != nil {
		return offset.Document{}, err
	}
	return document, nil
}

const (
	stableReads = 2
	stableTries = 20
	stablePause = 250 * time.Millisecond
)

// ReadStable reads until two reads agree. stable is false if the connector commits too
// often for that.
func ReadStable(ctx context.Context, store Store) (last offset.Document, stable bool, err error) {
	var agreed streak
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

// streak is the last read and how many in a row were equal to it.
type streak struct {
	last  offset.Document
	equal int
}

func (s *streak) read(ctx context.Context, store Store) error {
	next, err := store.Read(ctx)
	if err != nil {
		return err
	}
	if s.equal > 0 && offset.Equal(s.last, next) {
		s.equal++
	} else {
		s.equal = 1
	}
	s.last = next
	return nil
}
