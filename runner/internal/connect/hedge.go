package connect

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
)

const (
	// hedgeAfter is how long an answer to a read is waited for before another
	// worker is asked as well. A worker that joins its group anew, as it does after
	// it gave a stopped task away, answers little but a status until all others have
	// joined too (DistributedHerder.tick serves requests after member.ensureActive),
	// and those learn of it with their next heartbeat: heartbeat.interval.ms, 3 s by
	// default. Until then they answer at once.
	hedgeAfter = 150 * time.Millisecond
	// maxAsked is how many requests of one read are under way at a time.
	maxAsked = 3
)

// answered is what came of one request of a read.
type answered struct {
	worker  int
	content []byte
	err     error
}

// read asks the worker that answered last, and others too if it is slow. The first
// answer counts. While another may still come, that of a worker which is busy does
// not, nor that of one which does not know the connector: it may lag behind. A client
// with one URL asks there again, as it may be a balancer's.
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
				// What is asked next is asked where there was an answer.
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
