package natslease

import (
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
)

// TestTurnsThroughNATS gives one of two runs its turn, though both are of the same Kestra
// execution, and then the other. Without NATS, nobody waits.
func TestTurnsThroughNATS(t *testing.T) {
	server, err := natstest.Start(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	store, err := natsstore.Open(t.Context(), natsstore.Options{URLs: []string{server.URL()}, Stream: "FERRY", Bucket: "leases", Prefix: "ferry", LeaseTTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	run := func() Turn {
		bucket := &Bucket{KV: store.Leases(), TTL: time.Minute, By: event.Holder{User: "ferry", For: "execution"}}
		return bucket.Turn("global")
	}
	first, second := run(), run()
	unlock, taken := first.Try(t.Context())
	if !taken {
		t.Fatal("the first has no turn")
	}
	if _, taken := second.Try(t.Context()); taken {
		t.Fatal("both have their turn")
	}
	unlock()
	unlock, taken = second.Try(t.Context())
	if !taken {
		t.Fatal("the second has no turn after the first")
	}
	unlock()
	server.Stop()
	if _, taken := first.Try(t.Context()); !taken {
		t.Error("waits for a NATS that is gone")
	}
}
