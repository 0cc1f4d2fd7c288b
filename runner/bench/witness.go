package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// witness follows the status topics of both clusters while connectors move, so that every way
// is timed by the same clock, whatever it says of itself: the workers' own records.
type witness struct {
	cancel  context.CancelFunc
	readers sync.WaitGroup

	mu       sync.Mutex
	passages map[string]*passage
	latest   time.Time // when the last record of any connector was read
	err      error     // why a topic could not be read any more
}

// passage is what the records say of one connector.
type passage struct {
	tasks int
	away  map[int]time.Time // the origin's tasks that do not run, since when
	runs  map[int]bool      // the target's tasks that run
	ended time.Time         // when the last of those began to
}

// witnessed begins to follow connectors of so many tasks each. End the witness.
func witnessed(ctx context.Context, names []string, tasks int, origin, target *cluster.Cluster) (*witness, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &witness{cancel: cancel, passages: map[string]*passage{}, latest: time.Now()}
	for _, name := range names {
		w.passages[name] = &passage{tasks: tasks, away: map[int]time.Time{}, runs: map[int]bool{}}
	}
	for of, take := range map[*cluster.Cluster]func(*passage, internaltopic.Status){origin: (*passage).leave, target: (*passage).arrive} {
		topic, err := of.StatusTopic()
		if err != nil {
			return nil, w.end(err)
		}
		tail, err := topic.Tail(ctx)
		if err != nil {
			return nil, w.end(err)
		}
		w.readers.Go(func() {
			defer tail.Close()
			for ctx.Err() == nil {
				records, err := tail.Next(ctx)
				w.take(records, err, take)
			}
		})
	}
	return w, nil
}

func (w *witness) end(err error) error {
	w.cancel()
	w.readers.Wait()
	return err
}

func (w *witness) take(records []internaltopic.Status, err error, take func(*passage, internaltopic.Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err, w.latest = err, time.Now()
	for _, record := range records {
		if of := w.passages[record.Connector]; of != nil && record.Task != internaltopic.OfConnector {
			take(of, record)
		}
	}
}

// leave takes a record of the origin. A task that runs again was moved to another worker.
func (p *passage) leave(record internaltopic.Status) {
	if record.State == connect.Running {
		delete(p.away, record.Task)
		return
	}
	if _, known := p.away[record.Task]; !known {
		p.away[record.Task] = record.At
	}
}

// arrive takes a record of the target.
func (p *passage) arrive(record internaltopic.Status) {
	p.runs[record.Task] = record.State == connect.Running
	running := 0
	for _, runs := range p.runs {
		if runs {
			running++
		}
	}
	if running == p.tasks && p.ended.IsZero() {
		p.ended = record.At
	}
}

// still is how long the connector did not run with all its tasks.
func (p *passage) still() (time.Duration, error) {
	var since time.Time
	for _, at := range p.away {
		if since.IsZero() || at.Before(since) {
			since = at
		}
	}
	if since.IsZero() || p.ended.IsZero() {
		return 0, fmt.Errorf("%d tasks ended on the origin, %d run on the target", len(p.away), len(p.runs))
	}
	return p.ended.Sub(since), nil
}

// arrived waits until every connector runs on the target, and returns for how long each did
// not run, and when the last one began to.
func (w *witness) arrived(ctx context.Context) (still []time.Duration, last time.Time, err error) {
	err = wait.Until(ctx, "all connectors to run on the target", 2*time.Minute, func(context.Context) (bool, string, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		still = still[:0]
		for name, of := range w.passages {
			one, err := of.still()
			if err != nil {
				return false, name + ": " + err.Error(), w.err
			}
			still = append(still, one)
			if of.ended.After(last) {
				last = of.ended
			}
		}
		return true, "", nil
	})
	return still, last, err
}

// quiet waits until the clusters have said nothing for a while: the last rebalance is over.
func (w *witness) quiet(ctx context.Context) error {
	const silence = 8 * time.Second
	return wait.Until(ctx, "the clusters to settle", 2*time.Minute, func(context.Context) (bool, string, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return time.Since(w.latest) > silence, "tasks still change", w.err
	})
}
