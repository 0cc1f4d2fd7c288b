package instance

import "time"

// confirmFor is how long a suspicion must hold without a break before the run acts on it:
// a worker that lags behind shows an old state.
const confirmFor = time.Second

// Suspicion is what speaks against a running connector. It is acted on only once it has held for
// a second.
type Suspicion struct{ since time.Time }

// See records one observation and reports whether the suspicion is confirmed.
func (s *Suspicion) See(suspect bool) bool {
	switch {
	case !suspect:
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = time.Now()
	}
	return s.Open() && time.Since(s.since) >= confirmFor
}

// Open reports whether there is a suspicion.
func (s *Suspicion) Open() bool { return !s.since.IsZero() }
