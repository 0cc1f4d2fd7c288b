package history

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// message is an event on its way to the stream.
type message struct {
	subject, id string
	body        []byte
}

// queue delivers messages in order, in the background, and keeps them until NATS takes
// them.
type queue struct {
	store  *natsstore.Store
	events event.Recorder
	stop   context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	waiting  []*message
	dropped  int
	trouble  error         // why NATS does not take the first of them
	changed  chan struct{} // closed whenever one of these changes
	finished bool
}

// maxWaiting is how many events are kept. A move has about a dozen.
const maxWaiting = 10_000

const (
	publishTime = 5 * time.Second
	firstPause  = 50 * time.Millisecond
	maxPause    = time.Second
)

func newQueue(store *natsstore.Store, events event.Recorder) *queue {
	ctx, stop := context.WithCancel(context.Background())
	q := &queue{store: store, events: events, stop: stop, ended: make(chan struct{}), changed: make(chan struct{})}
	go q.run(ctx)
	return q
}

func (q *queue) add(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.finished || len(q.waiting) == maxWaiting {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, m)
	q.signal()
}

// signal must be called with the lock held.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// first waits for a message and returns it without removing it.
func (q *queue) first(ctx context.Context) *message {
	for {
		q.mu.Lock()
		waiting, changed := q.waiting, q.changed
		q.mu.Unlock()
		if len(waiting) > 0 {
			return waiting[0]
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *queue) run(ctx context.Context) {
	defer close(q.ended)
	for pause := firstPause; ; {
		next := q.first(ctx)
		if next == nil {
			return
		}
		err := q.deliver(ctx, next)
		if ctx.Err() != nil {
			if err == nil {
				q.delivered()
			}
			return
		}
		if err == nil {
			q.delivered()
			pause = firstPause
			continue
		}
		q.keep(err)
		if wait.For(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

func (q *queue) deliver(ctx context.Context, m *message) error {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	return q.store.Publish(ctx, m.subject, m.id, m.body)
}

// delivered removes the first message.
func (q *queue) delivered() {
	q.mu.Lock()
	q.waiting = q.waiting[1:]
	recovered := q.trouble != nil && len(q.waiting) == 0
	if recovered {
		q.trouble = nil
	}
	q.signal()
	q.mu.Unlock()
	if recovered {
		q.events.Emit(event.Note{Level: event.Info, At: time.Now(), Message: "NATS takes events again, all that were kept are delivered"})
	}
}

// keep records that NATS does not take the first message, and reports it once.
func (q *queue) keep(err error) {
	q.mu.Lock()
	first := q.trouble == nil
	q.trouble = err
	q.signal()
	q.mu.Unlock()
	if first {
		q.events.Emit(event.Note{
			Level: event.Warn, At: time.Now(),
			Message: fmt.Sprintf("events are kept until NATS takes them, ferry goes on: %s", q.store.Explain("stream "+q.store.StreamName(), err)),
		})
	}
}

// wait returns when everything is delivered or limit has passed. Unless stubborn, it also
// returns at once if NATS takes nothing at the moment.
func (q *queue) wait(limit time.Duration, stubborn bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		q.mu.Lock()
		done, changed := len(q.waiting) == 0 || q.trouble != nil && !stubborn, q.changed
		q.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

// close ends the delivery and returns the messages that were not delivered.
func (q *queue) close() []json.RawMessage {
	q.mu.Lock()
	q.finished = true
	q.mu.Unlock()
	q.stop()
	<-q.ended
	q.mu.Lock()
	defer q.mu.Unlock()
	left := make([]json.RawMessage, len(q.waiting))
	for i, m := range q.waiting {
		left[i] = m.body
	}
	if q.dropped > 0 {
		q.events.Emit(event.Note{Level: event.Warn, At: time.Now(), Message: words.Count(q.dropped, "event") + " lost, since too many were waiting"})
	}
	return left
}
