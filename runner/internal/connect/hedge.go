package connect

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
)

const (
	// hedgeAfter is how long to wait for the answer to a read before another worker is
	// asked too. A worker that rejoins its group, as it does after it gave up a stopped
	// task, answers little but a status until all others have rejoined
	// (DistributedHerder.tick serves requests after member.ensureActive). They learn of
	// it with their next heartbeat (heartbeat.interval.ms, 3 s by default), and answer at
	// once until then.
	hedgeAfter = 150 * time.Millisecond
	// maxAsked is how many requests one read may have in flight.
	maxAsked = 3
)

// answered is the outcome of one request of a read.
type answered struct {
	worker  int
	content []byte
	err     error
}

// read asks the worker that answered last, and others too if it is slow. The first answer
// counts. As long as another answer may come, a temporary error does not count, nor does
// a 404 from a worker that may lag behind. A client with one URL asks it again, since it
// may be that of a load balancer.
func (c *Client) read(ctx context.Context, path []string, query url.Values) answered {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answered, maxAsked)
	ask := func(worker int) {
		go func() {
			one := answered{worker: worker}
			func() {
				defer crash.Catch(&one.err)
				one.content, one.err = c.do(ctx, worker, http.MethodGet, path, query, nil)
			}()
			answers <- one
		}()
	}
	first := c.worker()
	ask(first)
	most := min(maxAsked, max(2, len(c.workers)))
	hedge := time.NewTicker(hedgeAfter)
	defer hedge.Stop()
	for asked, open := 1, 1; ; {
		select {
		case got := <-answers:
			open--
			if got.err == nil {
				// Later requests go to the worker that answered.
				c.current.CompareAndSwap(int64(first), int64(got.worker))
			}
			if open == 0 || !IsTemporary(got.err) && !IsNotFound(got.err) {
				return got
			}
		case <-hedge.C:
			if asked < most {
				ask((first + asked) % len(c.workers))
				asked, open = asked+1, open+1
			}
		}
	}
}
