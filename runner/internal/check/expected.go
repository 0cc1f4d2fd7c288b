package check

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// The terms of [Expected], from the lab of the tests. They are rough: how long a connector
// takes to start is not known before.
const (
	cutTime   = 300 * time.Millisecond // with few entries and a hard proof
	timedTime = 2 * time.Second        // for which a timed proof reads the offsets again
	entryTime = 100 * time.Microsecond // for each entry
)

// Expected estimates for how long a connector will stand still. copied is how long it took to
// write and read back its offsets in a rehearsal; 0 if they were not.
func Expected(proof event.ProofKind, entries int, copied time.Duration) time.Duration {
	expected := cutTime + max(time.Duration(entries)*entryTime, copied)
	if proof == event.Timed {
		expected += timedTime
	}
	return expected
}
