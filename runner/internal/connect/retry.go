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

// RetryFor returns a client that goes on for up to d when the cluster is
// rebalancing or no worker answers; [New]'s client does so for 5 s. Only
// requests that may be sent twice with the same effect are sent again: reads,
// pause, stop, resume, delete, putting a config, and altering offsets.
func (c *Client) RetryFor(d time.Duration) *Client {
	other := *c
	other.retryFor = d
	return &other
}

// retry sends until success, an error that waiting does not mend, or the end of
// the client's limit. The last error is returned, and the context's cause
// with it if that ended the wait.
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
