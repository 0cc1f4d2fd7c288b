package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
)

// kept is the folder of what the demo leaves for its reader, within the repository.
const kept = "build/demo"

// forget removes what an earlier demo has left there.
func forget() error {
	root, err := kestratest.Root()
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(root, filepath.FromSlash(kept)))
}

// keep writes a file there, and returns its name from the repository's folder on.
func keep(name string, content []byte) (string, error) {
	root, err := kestratest.Root()
	if err != nil {
		return "", err
	}
	name = kept + "/" + name
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return name, os.WriteFile(file, content, 0o600)
}

// keepReport keeps the report of the plan, as it was among the outputs of the flow.
func (d *demo) keepReport(page, markdown string) error {
	for name, uri := range map[string]string{"plan.html": page, "plan.md": markdown} {
		content, err := d.engine.ReadFile(uri)
		if err != nil {
			return err
		}
		if _, err := keep(name, content); err != nil {
			return err
		}
	}
	d.say("the plan's report: %s/plan.html, and plan.md beside it", kept)
	return nil
}

// history reads what NATS tells of the moves, and keeps it as `ferry history` prints it.
func (d *demo) history(ctx context.Context) (history.Stories, error) {
	store, err := natsstore.OpenToRead(ctx, natsstore.Options{URLs: []string{d.nats.URL()}, Stream: "FERRY", Prefix: "ferry"})
	if err != nil {
		return history.Stories{}, err
	}
	defer store.Close()
	stories, err := history.Read(ctx, store, time.Time{})
	if err != nil {
		return stories, err
	}
	var text bytes.Buffer
	stories.Text(&text)
	name, err := keep("history.txt", text.Bytes())
	if err == nil {
		d.say("every step of every move, as `ferry history` tells it: %s", name)
	}
	return stories, err
}
