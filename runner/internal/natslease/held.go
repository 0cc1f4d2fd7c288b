package natslease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// held is the leases that one [Bucket.Take] took.
type held struct {
	bucket *Bucket
	run    string
	stop   context.CancelFunc
	ended  chan struct{}

	renewing sync.Mutex // one renewal at a time
	keys     []*entry

	mu       sync.Mutex
	sent     moment // when the last successful renewal was sent
	asked    moment // when Check last asked NATS and got no answer
	lost     *lease.LostError
	reported bool // failing renewals were reported
}

// entry is one held key of the bucket.
type entry struct {
	key      lease.Key
	name     string // in the bucket
	value    value
	revision uint64
}

// moment is a point in time by two clocks: the monotonic one stops while the machine
// sleeps, and the wall clock may be set.
type moment struct{ monotonic, wall time.Time }

func stamp() moment {
	now := time.Now()
	return moment{now, now.Round(0)}
}

// passed is the time since m, by the clock that shows more of it.
func (m moment) passed() time.Duration {
	if m.monotonic.IsZero() {
		return 1 << 62
	}
	return max(time.Since(m.monotonic), time.Now().Round(0).Sub(m.wall))
}

func newHeld(b *Bucket, run string) *held {
	return &held{bucket: b, run: run, ended: make(chan struct{})}
}

// add adds a key that was taken by a request sent at that moment.
func (h *held) add(k *entry, sent moment) {
	h.keys = append(h.keys, k)
	if h.sent.monotonic.IsZero() {
		h.sent = sent
	}
}

// begin starts to renew the leases.
func (h *held) begin() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go h.renewAlways(ctx)
}

// sure is how long after a renewal was sent the lease is certainly ours.
func (h *held) sure() time.Duration { return h.bucket.TTL * 2 / 3 }

func (h *held) renewAlways(ctx context.Context) {
	defer close(h.ended)
	every := h.bucket.TTL / 6
	for wait.For(ctx, every) == nil {
		once, cancel := context.WithTimeout(ctx, every)
		err := h.renew(once)
		cancel()
		if _, lost := errors.AsType[*lease.LostError](err); lost {
			return
		}
		h.reportRenewal(ctx, err)
	}
}

// reportRenewal reports once that renewals fail, and once that they succeed again.
func (h *held) reportRenewal(ctx context.Context, err error) {
	h.mu.Lock()
	reported := h.reported
	late := err != nil && h.sent.passed() > h.sure()
	if err == nil {
		h.reported = false
	} else if late {
		h.reported = true
	}
	h.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case late && !reported:
		h.bucket.note(h.keys[0].key, event.Warn, fmt.Sprintf("lease cannot be renewed, going on, since the clusters tell if somebody else works on it: %s", err))
	case err == nil && reported:
		h.bucket.note(h.keys[0].key, event.Info, "lease is renewed again, nobody had taken it")
	}
}

// renew renews each key. It returns a [lease.LostError] if one of them is gone, and
// another error if NATS does not answer.
func (h *held) renew(ctx context.Context) error {
	h.renewing.Lock()
	defer h.renewing.Unlock()
	if lost := h.isLost(); lost != nil {
		return lost
	}
	sent := stamp()
	for _, k := range h.keys {
		if err := h.renewOne(ctx, k); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.sent = sent
	h.mu.Unlock()
	return nil
}

func (h *held) renewOne(ctx context.Context, k *entry) error {
	k.value.Renewals++
	k.value.Expires = time.Now().UTC().Add(h.bucket.TTL)
	revision, err := h.bucket.KV.Update(ctx, k.name, k.value.bytes(), k.revision)
	if err == nil {
		k.revision = revision
		return nil
	}
	if !isConflict(err) {
		return err
	}
	now, err := h.bucket.look(ctx, k.name)
	switch {
	case err != nil:
		return err
	case now == nil:
		return h.lose(fmt.Sprintf("lost the lease of %q on %s: it was removed from the bucket", k.key.Connector, k.key.Cluster))
	case now.Run == h.run: // the answer to an earlier renewal was lost
		k.revision = now.revision
		return nil
	default:
		return h.lose(fmt.Sprintf("lost the lease of %q on %s, which is held by %s", k.key.Connector, k.key.Cluster, now.holder()))
	}
}

func (h *held) lose(reason string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil {
		h.lost = &lease.LostError{Reason: reason}
	}
	return h.lost
}

func (h *held) isLost() *lease.LostError {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// askTime is how long a write waits for NATS to say who has the lease. It does so rarely:
// only once renewals have failed for long, and then once per third of the TTL.
const askTime = time.Second

// Check returns a [lease.LostError] if another run may have the lease by now.
func (h *held) Check(ctx context.Context) error {
	h.mu.Lock()
	lost, sure, asked := h.lost, h.sent.passed() < h.sure(), h.asked.passed() < h.bucket.TTL/3
	h.mu.Unlock()
	switch {
	case lost != nil:
		return lost
	case sure, asked:
		return nil
	}
	// A connection that was lost while this process was suspended takes a moment to
	// reconnect.
	err := wait.Until(context.WithoutCancel(ctx), "NATS to say who has the lease", askTime, func(ctx context.Context) (bool, string, error) {
		once, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		err := h.renew(once)
		if lost, ok := errors.AsType[*lease.LostError](err); ok {
			return true, "", lost
		}
		return err == nil, fmt.Sprint(err), nil
	})
	if lost, ok := errors.AsType[*lease.LostError](err); ok {
		return lost
	}
	if err != nil {
		h.mu.Lock()
		h.asked = stamp()
		h.mu.Unlock()
	}
	return nil
}

// Release gives up the lease. If NATS does not answer, the lease expires.
func (h *held) Release(ctx context.Context) {
	h.stop()
	<-h.ended
	h.giveUp(ctx)
}

// giveUp deletes the keys that are still ours.
func (h *held) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	for _, k := range h.keys {
		// The revision keeps a key that somebody else has taken over.
		_ = h.bucket.KV.Delete(ctx, k.name, jetstream.LastRevision(k.revision))
	}
}
