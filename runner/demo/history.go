package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/history"
)

// history prints what NATS tells of the moves, as `ferry history` does.
func (d *demo) history(ctx context.Context) error {
	store, err := history.OpenToRead(ctx, history.Options{URLs: []string{d.nats.URL()}, Stream: "FERRY", Prefix: "ferry"})
	if err != nil {
		return err
	}
	defer store.Close()
	stories, err := store.Stories(ctx, time.Time{})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.out, "\n$ ferry history")
	stories.Text(d.out)
	return nil
}
