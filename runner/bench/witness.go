package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	runs  map[int]time.Time // the target's tasks that run, since when
	ended time.Time         // when all of those ran for the first time
}

// witnessed begins to follow connectors of so many tasks each. End the witness.
func witnessed(ctx context.Context, names []string, tasks int, origin, target *cluster.Cluster) (*witness, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &witness{cancel: cancel, passages: map[string]*passage{}, latest: time.Now()}
	for _, name := range names {
		w.passages[name] = &passage{tasks: tasks, away: map[int]time.Time{}, runs: map[int]time.Time{}}
	}
	err := errors.Join(w.follow(ctx, origin, (*passage).leave), w.follow(ctx, target, (*passage).arrive))
	if err != nil {
		w.end()
	}
	return w, err
}

func (w *witness) follow(ctx context.Context, of *cluster.Cluster, take func(*passage, internaltopic.Status)) error {
	topic, err := of.StatusTopic()
	if err != nil {
		return err
	}
	tail, err := topic.Tail(ctx)
	if err != nil {
		return err
	}
	w.readers.Go(func() {
		defer tail.Close()
		for {
			records, err := tail.Next(ctx)
			w.take(records, err, take)
			if err != nil {
				return
			}
		}
	})
	return nil
}

func (w *witness) end() {
	w.cancel()
	w.readers.Wait()
}

func (w *witness) take(records []internaltopic.Status, err error, take func(*passage, internaltopic.Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = time.Now()
	if err != nil {
		w.err = err
	}
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

// arrive takes a record of the target. Those of different tasks come in any order.
func (p *passage) arrive(record internaltopic.Status) {
	if !p.ended.IsZero() {
		return
	}
	if record.State != connect.Running {
		delete(p.runs, record.Task)
		return
	}
	p.runs[record.Task] = record.At
	if len(p.runs) == p.tasks {
		p.ended = slices.MaxFunc(slices.Collect(maps.Values(p.runs)), time.Time.Compare)
	}
}

// still is how long the connector did not run with all its tasks.
func (p *passage) still() (time.Duration, error) {
	if len(p.away) == 0 || p.ended.IsZero() {
		return 0, fmt.Errorf("%d tasks ended on the origin, %d run on the target", len(p.away), len(p.runs))
	}
	since := slices.MinFunc(slices.Collect(maps.Values(p.away)), time.Time.Compare)
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
