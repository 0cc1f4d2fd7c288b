package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// The ways to move: the floor is bare REST, with nothing proven and nothing undone.
const (
	floorAlone       = "rest-alone"        // one connector after the other
	floorBarriers    = "rest-barriers"     // all stopped, then all copied, then all started
	ferryHard        = "ferry-hard"        // ferry move, proof from Kafka
	ferryTimed       = "ferry-timed"       // ferry move, proof by REST
	ferryApply       = "ferry-apply"       // ferry plan before, ferry apply measured
	kestraConnectors = "kestra-connectors" // the flow migrate-connectors
	kestraCluster    = "kestra-cluster"    // the flow migrate-cluster, planning included
	kestraArticle    = "kestra-article"    // the article's flow, of Kestra's own tasks
)

var allWays = []string{floorAlone, floorBarriers, ferryHard, ferryTimed, ferryApply, kestraConnectors, kestraCluster, kestraArticle}

// A way moves connectors and tells what only it knows of that.
var moving = map[string]func(*bench, context.Context, []string) (row, error){
	floorAlone: func(b *bench, ctx context.Context, names []string) (row, error) { return b.byREST(ctx, names, 1) },
	floorBarriers: func(b *bench, ctx context.Context, names []string) (row, error) {
		return b.byREST(ctx, names, len(names))
	},
	ferryHard:        func(b *bench, ctx context.Context, names []string) (row, error) { return b.byMove(ctx, names, true) },
	ferryTimed:       func(b *bench, ctx context.Context, names []string) (row, error) { return b.byMove(ctx, names, false) },
	ferryApply:       (*bench).byApply,
	kestraConnectors: (*bench).byConnectors,
	kestraCluster:    (*bench).byCluster,
	kestraArticle:    (*bench).byArticle,
}

// byREST moves connectors by bare requests, a number of them at a time, in barriers.
func (b *bench) byREST(ctx context.Context, names []string, together int) (row, error) {
	for some := range slices.Chunk(names, together) {
		if err := b.barriers(ctx, some); err != nil {
			return row{}, err
		}
	}
	return row{}, nil
}

// barriers moves connectors together: create all, stop all, copy all, start all.
func (b *bench) barriers(ctx context.Context, names []string) error {
	origin, target := b.origin.Client(), b.target.Client()
	for _, step := range []func(name string) error{
		func(name string) error {
			config, err := origin.Config(ctx, name)
			if err != nil {
				return err
			}
			return target.Create(ctx, name, config, connect.Stopped)
		},
		func(name string) error {
			return retried(ctx, func(ctx context.Context) error { return origin.Stop(ctx, name) })
		},
		func(name string) error {
			return wait.Until(ctx, name, time.Minute, func(ctx context.Context) (bool, string, error) {
				missing, err := origin.NotAtRest(ctx, name, connect.Stopped)
				return missing == "", missing, err
			})
		},
		func(name string) error {
			return retried(ctx, func(ctx context.Context) error {
				offsets, err := origin.Offsets(ctx, name)
				if err != nil {
					return err
				}
				_, err = target.AlterOffsets(ctx, name, offsets)
				return err
			})
		},
		func(name string) error {
			return retried(ctx, func(ctx context.Context) error { return target.Resume(ctx, name) })
		},
		func(name string) error {
			return wait.Until(ctx, name, time.Minute, func(ctx context.Context) (bool, string, error) {
				status, err := target.Status(ctx, name)
				return status.Missing(connect.Running, tasks) == "", "it does not run", err
			})
		},
	} {
		var group errgroup.Group
		for _, name := range names {
			group.Go(func() error { return step(name) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// retried asks again while the cluster rebalances.
func retried(ctx context.Context, do func(context.Context) error) error {
	return wait.Until(ctx, "an answer", time.Minute, func(ctx context.Context) (bool, string, error) {
		err := do(ctx)
		if err != nil && connect.IsTemporary(err) {
			return false, err.Error(), nil
		}
		return err == nil, "", err
	})
}

func (b *bench) byMove(ctx context.Context, names []string, withKafka bool) (row, error) {
	arguments := []string{"move", "--origin", "global", "--target", "europe"}
	for _, name := range names {
		arguments = append(arguments, "--connector", name)
	}
	return b.byFerry(ctx, withKafka, arguments)
}

func (b *bench) byApply(ctx context.Context, names []string) (row, error) {
	plan := filepath.Join(b.out, "plan.json")
	arguments := []string{"plan", "--origin", "global", "--target", "europe", "--out", plan}
	for _, name := range names {
		arguments = append(arguments, "--connector", name)
	}
	if _, err := b.byFerry(ctx, true, arguments); err != nil {
		return row{}, err
	}
	return b.byFerry(ctx, true, []string{"apply", "--plan", plan})
}

// byFerry runs ferry and reads its result.
func (b *bench) byFerry(ctx context.Context, withKafka bool, arguments []string) (row, error) {
	file := filepath.Join(b.out, "result.json")
	command := exec.CommandContext(ctx, b.ferry, append(arguments, "--clusters", b.clusters[withKafka], "--result", file)...) // #nosec G204 -- our own binary
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	begun := time.Now()
	if err := command.Run(); err != nil {
		return row{}, fmt.Errorf("ferry %s: %w\n%s", arguments[0], err, said.String())
	}
	wall := time.Since(begun)
	content, err := os.ReadFile(file) // #nosec G304 -- just written
	if err != nil {
		return row{}, err
	}
	var result event.Result
	if err := json.Unmarshal(content, &result); err != nil {
		return row{}, err
	}
	one := row{WallMS: wall.Milliseconds(), Steps: map[string]int64{}}
	for _, connector := range result.Connectors {
		if connector.DowntimeMS != nil {
			one.SaidMaxMS = max(one.SaidMaxMS, *connector.DowntimeMS)
		}
		for _, step := range connector.Steps {
			one.Steps[step.Step] += step.TookMS
		}
	}
	for name := range one.Steps {
		one.Steps[name] /= int64(max(len(result.Connectors), 1))
	}
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		one.MemoryMiB = usage.Maxrss >> 10
	}
	return one, nil
}
