package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v3"

	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
)

const (
	kestraVersion = "2.0.0"
	// kestraHeapMB is for some hundred executions at a time, which the engine keeps in memory.
	kestraHeapMB = 1536
	// atATime is how many connectors the flows move at a time: the article's `concurrencyLimit`
	// takes no expression, so that this is what stands there.
	atATime = 8
)

// startKestra starts an engine with the flows of this repository and the article's, which
// knows the lab's clusters.
func (b *bench) startKestra(ctx context.Context) error {
	root, err := kestratest.Root()
	if err != nil {
		return err
	}
	if b.plugins, err = kestratest.BuildPlugin(ctx); err != nil {
		return err
	}
	flows, err := kestratest.Flows(kestraVersion)
	if err != nil {
		return err
	}
	b.kestra, err = kestratest.Start(ctx, kestratest.Options{
		Version: kestraVersion, Plugins: b.plugins, HeapMB: kestraHeapMB, Longest: limit,
		Flows:   append(flows, filepath.Join(root, "examples", "flows", "2.x"), filepath.Join(root, "runner", "bench", "flows")),
		OnEvent: complain,
	})
	if err != nil {
		return err
	}
	content, err := os.ReadFile(b.clusters[true]) // #nosec G304 -- just written
	if err != nil {
		return err
	}
	var clusters any
	if err := yaml.Unmarshal(content, &clusters); err != nil {
		return err
	}
	return b.kestra.SetKV(ctx, "connect_clusters", clusters)
}

// complain shows what went wrong within a flow as it happens: the flow may wait for a decision.
func complain(event kestratest.Event) {
	if event.Event == "log" && event.Level == "ERROR" || event.Event == "error" {
		fmt.Fprintf(os.Stderr, "bench: %s/%s: %s\n", event.Flow, event.Task, event.Message)
	}
}

// byConnectors moves connectors by migrate-connectors, as its form does.
func (b *bench) byConnectors(ctx context.Context, names []string) (row, error) {
	return b.byFlow(ctx, "migrate-connectors", map[string]any{"concurrency": atATime, "connectors": names, "origin": b.origin.Name(), "target": b.target.Name(), "validate": false})
}

// byArticle moves connectors by Kestra's own tasks.
func (b *bench) byArticle(ctx context.Context, names []string) (row, error) {
	return b.byFlow(ctx, "the-article", map[string]any{
		"connectors": names, "origin": b.origin.Name(), "target": b.target.Name(), "wait": fmt.Sprintf("PT%gS", b.wait.Seconds()),
	})
}

func (b *bench) byFlow(ctx context.Context, flow string, inputs map[string]any) (row, error) {
	run, err := b.kestra.Begin(flow, inputs)
	if err != nil {
		return row{}, err
	}
	return ended(ctx, run)
}

// byCluster moves connectors by migrate-cluster: a plan of rules, approved as soon as it is
// shown.
func (b *bench) byCluster(ctx context.Context, names []string) (row, error) {
	prefix := strings.TrimSuffix(names[0], "-000")
	run, err := b.kestra.Begin("migrate-cluster", map[string]any{
		"origin": b.origin.Name(), "concurrency": atATime, "validate": false,
		"rules": fmt.Sprintf("rules: [{name: all, match: {glob: %s-*}, target: %s}]", prefix, b.target.Name()),
	})
	if err != nil {
		return row{}, err
	}
	execution, err := run.Paused(ctx, "migrate-cluster", time.Minute)
	if err != nil {
		return row{}, err
	}
	if err := b.kestra.Resume(ctx, execution, map[string]any{"decision": "APPROVE", "who": "bench", "why": "to measure it"}); err != nil {
		return row{}, err
	}
	// A wave that fails asks what to do.
	go func() {
		if execution, err := run.Paused(ctx, "apply-wave", limit); err == nil {
			_ = b.kestra.Resume(ctx, execution, map[string]any{"decision": "STOP", "who": "bench", "why": "it failed"})
		}
	}()
	return ended(ctx, run)
}

// ended waits for a flow to end. Its own time is taken, since the harness takes a second more
// to collect the log.
func ended(ctx context.Context, run *kestratest.Run) (row, error) {
	x, err := run.Wait(ctx)
	if err != nil {
		return row{}, err
	}
	if x.State != "SUCCESS" {
		return row{}, errors.New(x.Flow + " ended " + x.State + ":\n" + x.Text())
	}
	return row{WallMS: x.MS}, nil
}
