package plan

import (
	"fmt"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// tellEvery is how often a long run tells how far it is.
const tellEvery = 2 * time.Second

// Progress tells how many of a number of connectors are done, and how long the others may
// take. It is safe for concurrent use.
type Progress struct {
	events event.Recorder
	done   string // such as "checked"
	total  int

	mu    sync.Mutex
	count int
	begun time.Time
	told  time.Time
}

// NewProgress begins to count. done is what happens to each, such as "checked".
func NewProgress(events event.Recorder, done string, total int) *Progress {
	return &Progress{events: events, done: done, total: total, begun: time.Now(), told: time.Now()}
}

// One counts one more.
func (p *Progress) One() {
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

// Connectors is a count of connectors for a message.
func Connectors(count int) string {
	return words.Count(count, "connector")
}
