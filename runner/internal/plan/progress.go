package plan

import (
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// tellEvery is how often a long run tells how far it is.
const tellEvery = 2 * time.Second

// progress tells how many of a number of connectors are done, and how long the others may
// take.
type progress struct {
	events event.Recorder
	done   string // such as "checked"
	total  int

	mu    sync.Mutex
	count int
	begun time.Time
	told  time.Time
}

func newProgress(events event.Recorder, done string, total int) *progress {
	return &progress{events: events, done: done, total: total, begun: time.Now(), told: time.Now()}
}

func (p *progress) one() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	now := time.Now()
	if now.Sub(p.told) < tellEvery || p.count == p.total {
		return
	}
	p.told = now
	left := now.Sub(p.begun) / time.Duration(p.count) * time.Duration(p.total-p.count)
	p.events.Emit(event.Note{
		Level: event.Info, At: now,
		Message: fmt.Sprintf("%d of %d %s, about %s left", p.count, p.total, p.done, left.Round(time.Second)),
	})
}
