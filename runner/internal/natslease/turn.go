package natslease

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
)

// Turn is the lease on a cluster as such, of no connector: who has it lets connectors of the
// cluster stand still. It is a lock for proof.Turns.
type Turn struct {
	bucket *Bucket
	key    lease.Key
}

// Turn returns the turn of a cluster. Runs of the same work take it from each other one after the
// other, so that none of them waits for an earlier one to expire.
func (b *Bucket) Turn(cluster string) Turn {
	copied := *b
	copied.By.For = ""
	return Turn{&copied, lease.Key{Cluster: cluster}}
}

// Try takes the turn. It reports false while another run has it. Where NATS cannot be used it
// takes nothing and reports true: turns make the downtime shorter, and nothing safer.
func (t Turn) Try(ctx context.Context) (unlock func(), taken bool) {
	held, err := t.bucket.Take(ctx, "turn", t.key)
	if _, other := errors.AsType[*lease.TakenError](err); other {
		return nil, false
	}
	if err != nil {
		return func() {}, true
	}
	return func() { held.Release(context.WithoutCancel(ctx)) }, true
}
