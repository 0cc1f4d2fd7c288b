package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// The ways to move: the floor is bare REST, with nothing proven and nothing undone.
const (
	floorAlone    = "rest-alone"    // one connector after the other
	floorBarriers = "rest-barriers" // all stopped, then all copied, then all started
	ferryHard     = "ferry-hard"    // ferry move, proof from Kafka
	ferryTimed    = "ferry-timed"   // ferry move, proof by REST
	ferryApply    = "ferry-apply"   // ferry plan before, ferry apply measured
)

var allWays = []string{floorAlone, floorBarriers, ferryHard, ferryTimed, ferryApply}

var moving = map[string]func(context.Context, *bench, []string) (row, error){
	floorAlone: func(ctx context.Context, b *bench, names []string) (row, error) { return b.byREST(ctx, names, 1) },
	floorBarriers: func(ctx context.Context, b *bench, names []string) (row, error) {
		return b.byREST(ctx, names, len(names))
	},
	ferryHard:  func(ctx context.Context, b *bench, names []string) (row, error) { return b.byMove(ctx, names, true) },
	ferryTimed: func(ctx context.Context, b *bench, names []string) (row, error) { return b.byMove(ctx, names, false) },
	ferryApply: func(ctx context.Context, b *bench, names []string) (row, error) { return b.byApply(ctx, names) },
}

// byREST moves connectors by bare requests, a number of them at a time, in barriers.
func (b *bench) byREST(ctx context.Context, names []string, together int) (row, error) {
	var still []time.Duration
	for len(names) > 0 {
		some := names[:min(together, len(names))]
		names = names[len(some):]
		stood, err := b.barriers(ctx, some)
		if err != nil {
			return row{}, err
		}
		still = append(still, stood...)
	}
	return newRow(still), nil
}

// barriers moves connectors together: create all, stop all, copy all, start all.
func (b *bench) barriers(ctx context.Context, names []string) ([]time.Duration, error) {
	origin, target := b.origin.Client(), b.target.Client()
	stopped, still := make([]time.Time, len(names)), make([]time.Duration, len(names))
	for _, step := range []func(i int, name string) error{
		func(_ int, name string) error {
			config, err := origin.Config(ctx, name)
			if err != nil {
				return err
			}
			return target.Create(ctx, name, config, connect.Stopped)
		},
		func(i int, name string) error {
			stopped[i] = time.Now()
			return retried(ctx, func(ctx context.Context) error { return origin.Stop(ctx, name) })
		},
		func(_ int, name string) error {
			return wait.Until(ctx, name, time.Minute, func(ctx context.Context) (bool, string, error) {
				missing, err := origin.NotAtRest(ctx, name, connect.Stopped)
				return missing == "", missing, err
			})
		},
		func(_ int, name string) error {
			return retried(ctx, func(ctx context.Context) error {
				offsets, err := origin.Offsets(ctx, name)
				if err != nil {
					return err
				}
				_, err = target.AlterOffsets(ctx, name, offsets)
				return err
			})
		},
		func(_ int, name string) error {
			return retried(ctx, func(ctx context.Context) error { return target.Resume(ctx, name) })
		},
		func(i int, name string) error {
			err := wait.Until(ctx, name, time.Minute, func(ctx context.Context) (bool, string, error) {
				status, err := target.Status(ctx, name)
				return status.Missing(connect.Running, 2) == "", "it does not run", err
			})
			still[i] = time.Since(stopped[i])
			return err
		},
	} {
		var group errgroup.Group
		for i, name := range names {
			group.Go(func() error { return step(i, name) })
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return still, nil
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
	var still []time.Duration
	steps := map[string]int64{}
	for _, connector := range result.Connectors {
		if connector.DowntimeMS != nil {
			still = append(still, time.Duration(*connector.DowntimeMS)*time.Millisecond)
		}
		for _, step := range connector.Steps {
			steps[step.Step] += step.TookMS
		}
	}
	one := newRow(still)
	one.WallMS, one.Steps = wall.Milliseconds(), steps
	for name := range one.Steps {
		one.Steps[name] /= int64(max(len(result.Connectors), 1))
	}
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		one.MemoryMiB = usage.Maxrss >> 10
	}
	return one, nil
}
