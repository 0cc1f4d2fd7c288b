package connect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// RetryFor returns a client that retries for up to d while the cluster is rebalancing or
// no worker answers; the default is 5 s. Only requests that have the same effect if they
// are sent twice are retried: all but [Client.Create].
func (c *Client) RetryFor(d time.Duration) *Client {
	other := *c
	other.retryFor = d
	return &other
}

// retry sends until success, a permanent error, or the client's limit. It returns the
// last error, with the context's cause if that ended the wait.
func (c *Client) retry(ctx context.Context, send func() error) error {
	deadline := time.Now().Add(c.retryFor)
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := send()
		if err == nil {
			return nil
		}
		// Every worker gets one try before the first pause.
		if IsUnreachable(err) && attempt < len(c.workers) && ctx.Err() == nil {
			continue
		}
		if !IsTemporary(err) {
			return err
		}
		// #nosec G404 -- jitter, not a secret
		jittered := pause/2 + rand.N(pause)
		if time.Now().Add(jittered).After(deadline) {
			return fmt.Errorf("%w (%s)", err, attempts(attempt, c.retryFor))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(jittered):
		}
		pause = min(2*pause, maxPause)
	}
}

func attempts(count int, limit time.Duration) string {
	if count == 1 {
		return "tried once"
	}
	return fmt.Sprintf("tried %d times in %s", count, limit)
}
