package natslease

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Bucket holds the leases of one run. It is a [lease.Leases].
type Bucket struct {
	KV  jetstream.KeyValue
	TTL time.Duration
	By  event.Holder
	Run string // id of the run; "" for a new one with each lease
	// Events takes notes about leases that were taken over and renewals that fail.
	Events event.Recorder
	// Optional allows a run to go on without a lease if NATS cannot be used. A lease that
	// another run holds is refused all the same.
	Optional bool
}

const (
	takeTime    = 10 * time.Second
	releaseTime = 2 * time.Second
	takeTries   = 5
)

// Take takes the leases on all keys or on none, and renews them until they are released.
//
// If the holder does the same work, by [event.HolderVariable], Take waits for its lease
// to expire: a scheduler that restarts the task of a dead worker must not be refused.
func (b *Bucket) Take(ctx context.Context, command string, keys ...lease.Key) (lease.Lease, error) {
	for waits := 0; ; waits++ {
		taken, err := b.take(ctx, command, keys)
		own, ok := errors.AsType[*sameWorkError](err)
		if !ok {
			return taken, err
		}
		if waits == maxWaits {
			return nil, own.held
		}
		b.note(keys[0], event.Info, fmt.Sprintf("waiting for the lease of an earlier run of the same work to end: %s", own.held))
		if err := wait.For(ctx, own.left+waitLonger); err != nil {
			return nil, err
		}
	}
}

// A run that is alive renews its lease, so there is a limit to how often it is waited
// for.
const (
	maxWaits   = 2
	waitLonger = 100 * time.Millisecond
)

// sameWorkError says that an earlier run of the same work has the lease.
type sameWorkError struct {
	held *lease.TakenError
	left time.Duration
}

func (e *sameWorkError) Error() string { return e.held.Error() }

func (b *Bucket) take(ctx context.Context, command string, keys []lease.Key) (lease.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	// All runs take keys in the same order, or two runs could each hold one of two keys.
	keys = slices.SortedFunc(slices.Values(keys), func(a, b lease.Key) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Connector, b.Connector))
	})
	held := newHeld(b, cmp.Or(b.Run, rand.Text()))
	for _, key := range slices.Compact(keys) {
		err := b.takeOne(ctx, held, command, key)
		if err == nil {
			continue
		}
		held.giveUp(context.WithoutCancel(ctx))
		_, taken := errors.AsType[*lease.TakenError](err)
		_, own := errors.AsType[*sameWorkError](err)
		if taken || own || !b.Optional {
			return nil, err
		}
		b.note(key, event.Warn, fmt.Sprintf("going on without a lease, as nats.required is false: %s", err))
		return unleased{}, nil
	}
	held.begin()
	return held, nil
}

// name returns the key of a lease in the NATS bucket.
func name(key lease.Key) string {
	return natsstore.Token(key.Cluster) + "." + natsstore.Token(key.Connector)
}

func (b *Bucket) takeOne(ctx context.Context, held *held, command string, key lease.Key) error {
	now := time.Now().UTC()
	mine := &entry{key: key, name: name(key), value: value{
		Schema: schemaID, Run: held.run, By: b.By, Command: command, Cluster: key.Cluster, Connector: key.Connector,
		Since: now, TTLMS: b.TTL.Milliseconds(), Expires: now.Add(b.TTL),
	}}
	var err error
	for range takeTries {
		var other *found
		sent := stamp()
		other, err = b.look(ctx, mine.name)
		switch {
		case err != nil:
			return b.failed(key, err)
		case other == nil:
			mine.revision, err = b.KV.Create(ctx, mine.name, mine.value.bytes())
		case other.Run == held.run: // the answer to an earlier try was lost
			mine.revision, err = other.revision, nil
		case !other.expired():
			held := &lease.TakenError{Reason: fmt.Sprintf("%q on %s is held by %s", key.Connector, key.Cluster, other.holder())}
			if b.By.For != "" && other.By.For == b.By.For && other.Command == command {
				return &sameWorkError{held, other.ttl() - other.age}
			}
			return held
		default:
			mine.revision, err = b.KV.Update(ctx, mine.name, mine.value.bytes(), other.revision)
			if err == nil {
				b.note(key, event.Info, fmt.Sprintf("took over the lease on %s of %s, which was not renewed for %s",
					key.Cluster, other.By, other.age.Round(time.Second)))
			}
		}
		if err == nil {
			held.add(mine, sent)
			return nil
		}
		if !isConflict(err) {
			return b.failed(key, err)
		}
	}
	return b.failed(key, err)
}

func isConflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}

// look returns the lease under a name in the bucket, nil if there is none.
func (b *Bucket) look(ctx context.Context, name string) (*found, error) {
	entry, err := b.KV.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) { // also after a release
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, err := b.serverTime(ctx)
	if err != nil {
		return nil, err
	}
	held := read(entry, now, b.TTL)
	return &held, nil
}

var errNoTime = errors.New("the NATS server does not tell its time, which needs version 2.10 or later")

// serverTime returns the time of the server that timestamps the entries.
func (b *Bucket) serverTime(ctx context.Context) (time.Time, error) {
	status, err := b.KV.Status(ctx)
	if err != nil {
		return time.Time{}, err
	}
	bucket, ok := status.(*jetstream.KeyValueBucketStatus)
	if !ok || bucket.StreamInfo().TimeStamp.IsZero() {
		return time.Time{}, errNoTime
	}
	return bucket.StreamInfo().TimeStamp, nil
}

func (b *Bucket) failed(key lease.Key, err error) error {
	return fmt.Errorf("lease of %q on %s, NATS bucket %s: %w; nothing was changed", key.Connector, key.Cluster, b.KV.Bucket(), err)
}

func (b *Bucket) note(key lease.Key, level event.Level, message string) {
	if b.Events != nil {
		b.Events.Emit(event.Note{Connector: key.Connector, Level: level, Message: message, At: time.Now()})
	}
}

// unleased is the lease of a run that goes on without one.
type unleased struct{}

func (unleased) Check(context.Context) error { return nil }
func (unleased) Release(context.Context)     {}
