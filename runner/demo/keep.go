package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
)

// history prints what NATS tells of the moves, as `ferry history` does.
func (d *demo) history(ctx context.Context) error {
	store, err := natsstore.OpenToRead(ctx, natsstore.Options{URLs: []string{d.nats.URL()}, Stream: "FERRY", Prefix: "ferry"})
	if err != nil {
		return err
	}
	defer store.Close()
	stories, err := history.Read(ctx, store, time.Time{})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(d.out, "\n$ ferry history")
	stories.Text(d.out)
	return nil
}
