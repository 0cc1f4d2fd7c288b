package natslease

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const ttl = 1200 * time.Millisecond

type notes struct {
	mu    sync.Mutex
	texts []string
}

func (n *notes) Emit(happened event.Event) {
	if note, ok := happened.(event.Note); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.texts = append(n.texts, note.Message)
	}
}

func (n *notes) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(strings.Join(n.texts, "\n"), text)
}

type bench struct {
	server *natstest.Server
	wire   *natstest.Wire
}

func start(t *testing.T) *bench {
	t.Helper()
	server, err := natstest.Start(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	wire, err := natstest.NewWire(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	return &bench{server, wire}
}

func (b *bench) bucket(t *testing.T, url, who string) (*Bucket, *notes) {
	t.Helper()
	store, err := natsstore.Open(t.Context(), natsstore.Options{URLs: []string{url}, Stream: "FERRY", Bucket: "leases", Prefix: "ferry", LeaseTTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	told := &notes{}
	return &Bucket{KV: store.Leases(), TTL: ttl, By: event.Holder{User: who, Host: "here", Process: 1}, Events: told}, told
}

var places = []lease.Key{{Cluster: "global", Connector: "orders.v2 *>é"}, {Cluster: "europe", Connector: "orders"}}

// await takes the lease as soon as it is free, and returns how long that took.
func await(t *testing.T, b *Bucket) (lease.Lease, time.Duration) {
	t.Helper()
	var taken lease.Lease
	begun := time.Now()
	err := wait.Until(t.Context(), "the lease", 20*time.Second, func(ctx context.Context) (done bool, missing string, err error) {
		taken, err = b.Take(ctx, "move", places...)
		if held, ok := errors.AsType[*lease.TakenError](err); ok {
			return false, held.Reason, nil
		}
		return err == nil, "", err
	})
	if err != nil {
		t.Fatal(err)
	}
	return taken, time.Since(begun)
}

// TestOneAtATime has a holder that renews its lease for longer than the TTL, and then
// releases it.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	b := start(t)
	anna, _ := b.bucket(t, b.server.URL(), "anna")
	bert, _ := b.bucket(t, b.server.URL(), "bert")
	taken, err := anna.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait.For(t.Context(), 2*ttl); err != nil {
		t.Fatal(err)
	}
	_, err = bert.Take(t.Context(), "rollback", places[1])
	held, ok := errors.AsType[*lease.TakenError](err)
	if !ok || !strings.HasPrefix(held.Reason, "\"orders\" on europe is held by `ferry move` of anna@here (process 1) since 2") {
		t.Errorf("says %v", err)
	}
	if err := taken.Check(t.Context()); err != nil {
		t.Error(err)
	}
	// Another connector is free.
	other, err := bert.Take(t.Context(), "move", lease.Key{Cluster: "europe", Connector: "payments"})
	if err != nil {
		t.Fatal(err)
	}
	other.Release(t.Context())
	taken.Release(t.Context())
	next, err := bert.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	next.Release(t.Context())
}

// TestExpiry has a holder that is cut off and whose clock is wrong by hours: its lease
// expires once the server has had no renewal for the TTL.
func TestExpiry(t *testing.T) {
	t.Parallel()
	b := start(t)
	anna, told := b.bucket(t, b.wire.URL(), "anna")
	bert, heard := b.bucket(t, b.server.URL(), "bert")
	taken, err := anna.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	mine, ok := taken.(*held)
	if !ok {
		t.Fatalf("a %T", taken)
	}
	mine.renewing.Lock()
	for _, entry := range mine.keys {
		entry.value.Since = entry.value.Since.Add(72 * time.Hour)
	}
	mine.renewing.Unlock()
	b.wire.Cut()
	next, after := await(t, bert)
	if after < ttl/2 {
		t.Errorf("taken over after %s, with a time of %s", after, ttl)
	}
	if !heard.has("took over the lease on global of anna@here (process 1)") {
		t.Errorf("notes: %q", heard.texts)
	}
	// Being cut off, it does not know, and continues.
	begun := time.Now()
	if err := taken.Check(t.Context()); err != nil || time.Since(begun) > 3*askTime {
		t.Errorf("cut off, after %s: %v", time.Since(begun), err)
	}
	b.wire.Mend()
	err = wait.Until(t.Context(), "the holder to know", 20*time.Second, func(ctx context.Context) (bool, string, error) {
		_, lost := errors.AsType[*lease.LostError](taken.Check(ctx))
		return lost, "not lost", nil
	})
	if err != nil {
		t.Error(err)
	}
	if reason := taken.Check(t.Context()); reason == nil || !strings.Contains(reason.Error(), "which is held by `ferry move` of bert@here") {
		t.Errorf("says %v", reason)
	}
	if !told.has("lease cannot be renewed, going on") {
		t.Logf("notes: %q", told.texts) // the next renewal may have come first
	}
	taken.Release(t.Context()) // which leaves bert's
	if err := next.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := anna.Take(t.Context(), "move", places...); err == nil {
		t.Error("the release of a lost lease ended the other's")
	}
	next.Release(t.Context())
}

// TestRemovedKey has an operator delete a lease by hand.
func TestRemovedKey(t *testing.T) {
	t.Parallel()
	b := start(t)
	anna, _ := b.bucket(t, b.server.URL(), "anna")
	taken, err := anna.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	if err := anna.KV.Delete(t.Context(), name(places[0])); err != nil {
		t.Fatal(err)
	}
	err = wait.Until(t.Context(), "the holder to know", 20*time.Second, func(ctx context.Context) (bool, string, error) {
		_, lost := errors.AsType[*lease.LostError](taken.Check(ctx))
		return lost, "not lost", nil
	})
	if err != nil {
		t.Error(err)
	}
	taken.Release(t.Context())
}

// TestHeldUp has a process that was suspended for longer than its lease: before its first
// write it asks NATS and learns that the lease is gone.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	b := start(t)
	anna, _ := b.bucket(t, b.server.URL(), "anna")
	bert, _ := b.bucket(t, b.server.URL(), "bert")
	taken, err := anna.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	mine, ok := taken.(*held)
	if !ok {
		t.Fatalf("a %T", taken)
	}
	mine.stop() // as if nothing of the process ran
	<-mine.ended
	next, _ := await(t, bert)
	if _, lost := errors.AsType[*lease.LostError](taken.Check(t.Context())); !lost {
		t.Error("it may go on writing")
	}
	next.Release(t.Context())
}

// TestOptional has a NATS that gives no lease, while nats.required is false.
func TestOptional(t *testing.T) {
	t.Parallel()
	b := start(t)
	anna, told := b.bucket(t, b.server.URL(), "anna")
	anna.Optional = true
	b.server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	taken, err := anna.Take(ctx, "move", places...)
	if err != nil || taken.Check(t.Context()) != nil || !told.has("going on without a lease, as nats.required is false") {
		t.Errorf("%v, notes %q", err, told.texts)
	}
	anna.Optional = false
	if _, err := anna.Take(ctx, "move", places...); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("says %v", err)
	}
}

// TestSameWork has a scheduler that restarts the work of a dead worker: the new run waits
// for the dead run's lease to expire, but not for that of a living one.
func TestSameWork(t *testing.T) {
	t.Parallel()
	b := start(t)
	first, _ := b.bucket(t, b.wire.URL(), "anna")
	again, told := b.bucket(t, b.server.URL(), "bert")
	first.By.For, again.By.For = "execution 5", "execution 5"
	taken, err := first.Take(t.Context(), "move", places...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Take(t.Context(), "move", places...); !isHeld(err) {
		t.Errorf("the first one lives, and the other gets %v", err)
	}
	b.wire.Cut()
	next, err := again.Take(t.Context(), "move", places...)
	if err != nil || !told.has("waiting for the lease of an earlier run of the same work to end") {
		t.Fatalf("%v, notes %q", err, told.texts)
	}
	next.Release(t.Context())
	taken.Release(t.Context())
}

func isHeld(err error) bool {
	_, held := errors.AsType[*lease.TakenError](err)
	return held
}
