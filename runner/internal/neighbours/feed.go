package neighbours

import (
	"context"
	"slices"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// feed is the status topic of one cluster, from when the first watch began until the last of them
// ends. What it tells is for a report: a proof reads the topic by itself.
type feed struct {
	name    string
	shared  *Watches
	opened  chan struct{} // closed once it was opened, or could not be
	cancel  context.CancelFunc
	reading sync.WaitGroup

	mu      sync.Mutex
	watches int
	records []internaltopic.Status
	err     error // why the topic could not be read any more
}

// join returns the part of a cluster's feed that begins now, nothing if it cannot be read.
func (w *Watches) join(ctx context.Context, name string, topic cluster.StatusTopic) side {
	w.mu.Lock()
	one, open := w.feeds[name]
	if !open {
		one = &feed{name: name, shared: w, opened: make(chan struct{})}
		if w.feeds == nil {
			w.feeds = map[string]*feed{}
		}
		w.feeds[name] = one
	}
	one.mu.Lock()
	one.watches++
	one.mu.Unlock()
	w.mu.Unlock()
	if !open {
		one.open(ctx, topic)
	}
	<-one.opened
	one.mu.Lock()
	from, err := len(one.records), one.err
	one.mu.Unlock()
	if err != nil {
		_, _ = one.leave(0) // the report says nothing of this cluster
		return side{}
	}
	return side{one, from}
}

func (f *feed) open(ctx context.Context, topic cluster.StatusTopic) {
	defer close(f.opened)
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var tail kafka.Tail
	err := func() (err error) {
		defer crash.Catch(&err)
		tail, err = topic.Tail(ctx)
		return err
	}()
	if err != nil {
		f.failed(err)
		return
	}
	f.reading.Go(func() {
		defer tail.Close()
		if err := f.read(ctx, tail); ctx.Err() == nil {
			f.failed(err)
		}
	})
}

func (f *feed) read(ctx context.Context, tail kafka.Tail) (err error) {
	defer crash.Catch(&err)
	for {
		records, err := tail.Next(ctx)
		f.mu.Lock()
		f.records = append(f.records, records...)
		f.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// failed makes the next watch open the topic anew.
func (f *feed) failed(err error) {
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	f.shared.forget(f)
}

// leave returns the records since then, and closes the feed if nobody watches it any more.
func (f *feed) leave(from int) ([]internaltopic.Status, error) {
	f.shared.mu.Lock() // so that nobody joins one that is being closed
	f.mu.Lock()
	f.watches--
	last := f.watches == 0
	records, err := slices.Clone(f.records[from:]), f.err
	f.mu.Unlock()
	if last && f.shared.feeds[f.name] == f {
		delete(f.shared.feeds, f.name)
	}
	f.shared.mu.Unlock()
	if last {
		f.cancel()
		f.reading.Wait()
	}
	return records, err
}

func (w *Watches) forget(one *feed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.feeds[one.name] == one {
		delete(w.feeds, one.name)
	}
}
