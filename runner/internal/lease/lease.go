// Package lease defines leases, which keep a second run from writing to the same
// connector. Package natslease implements them; nothing here depends on NATS.
package lease

import (
	"context"
	"errors"
)

// Key is a connector on a cluster. Only one run at a time may write to it.
type Key struct{ Cluster, Connector string }

// Leases hands out leases.
type Leases interface {
	// Take takes the leases on all keys or on none. The error is a [TakenError] if
	// another run has one of them.
	Take(ctx context.Context, command string, keys ...Key) (Lease, error)
}

// Lease is the leases that one [Leases.Take] took.
type Lease interface {
	// Check is called before each write. It returns a [LostError] if another run may have
	// the lease by now. It MUST NOT block for long.
	Check(ctx context.Context) error
	// Release gives up the lease, so that the next run can take it at once.
	Release(ctx context.Context)
}

// TakenError says that another run works on the connector, which run, and since when.
// Nothing was read or written.
type TakenError struct{ Reason string }

func (e *TakenError) Error() string { return e.Reason }

// LostError says that this run no longer has its lease, and who has it.
type LostError struct{ Reason string }

func (e *LostError) Error() string { return e.Reason }

// IsLost reports whether err is a [LostError]. A run that lost its lease must not write
// anything more.
func IsLost(err error) bool {
	_, lost := errors.AsType[*LostError](err)
	return lost
}
