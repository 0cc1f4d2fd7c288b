// Package lease says what a lease is: the contract between those who write to a
// connector and whatever keeps a second run away from it. Package natslease
// implements it; nothing of NATS is in here.
package lease

import (
	"context"
	"errors"
)

// Key is a connector on a cluster. Only one run at a time may write to it.
type Key struct{ Cluster, Connector string }

// Leases hands out leases.
type Leases interface {
	// Take takes the leases of all keys or of none. Its error is a [TakenError] if
	// another run has one of them.
	Take(ctx context.Context, command string, keys ...Key) (Lease, error)
}

// Lease is what [Leases.Take] took.
type Lease interface {
	// Check is called before each write. It returns a [LostError] if another run
	// may have the lease by now. It does not block for long.
	Check(ctx context.Context) error
	// Release gives the lease up, so that the next run can take it at once.
	Release(ctx context.Context)
}

// TakenError says that another run works on the connector, who it is and since
// when. Nothing was read or written.
type TakenError struct{ Reason string }

func (e *TakenError) Error() string { return e.Reason }

// LostError says that this run no longer has its lease, and who has it.
type LostError struct{ Reason string }

func (e *LostError) Error() string { return e.Reason }

// IsLost reports whether err says that a lease was lost. Whoever lost it writes
// nothing more.
func IsLost(err error) bool {
	_, lost := errors.AsType[*LostError](err)
	return lost
}
