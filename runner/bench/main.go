// Command bench measures, in one run on one lab, how long connectors stand still and how long
// the whole takes: by bare REST requests, which is the floor, and by ferry.
//
//	go run ./runner/bench -counts 1,10,40 -runs 1 -out build/bench
//
// It writes bench.json, bench.md and bench.svg, and prints the table. Compare the ratios
// within a run: machines differ.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	counts, entries []int
	ways            []string
	runs, workers   int
	out, ferry      string
}

func run(ctx context.Context) error {
	asked, err := read()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(asked.out, 0o750); err != nil {
		return err
	}
	if asked.ferry == "" {
		asked.ferry = filepath.Join(asked.out, "ferry")
		build := exec.CommandContext(ctx, "go", "build", "-o", asked.ferry, "./runner") // #nosec G204 -- a fixed command
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build ferry: %w", err)
		}
	}
	started, err := lab.Start(ctx, lab.Config{
		Kafka:   []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{{Name: "global", Kafka: "central", Workers: asked.workers}, {Name: "europe", Kafka: "central", Workers: asked.workers}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = started.Close() }()
	b, err := newBench(started, asked)
	if err != nil {
		return err
	}
	measured, err := b.all(ctx)
	if err != nil {
		return err
	}
	return measured.write(asked.out)
}

func read() (settings, error) {
	counts := flag.String("counts", "1,10,40", "numbers of connectors that are moved together")
	entries := flag.String("entries", "200,5000,20000", "numbers of offset entries of one connector; empty for none")
	ways := flag.String("ways", strings.Join(allWays, ","), "what is measured")
	runs := flag.Int("runs", 1, "how often each is measured")
	workers := flag.Int("workers", 1, "workers of each cluster")
	out := flag.String("out", "build/bench", "folder for the results")
	ferry := flag.String("ferry", "", "the ferry to measure (default: built from source)")
	flag.Parse()
	asked := settings{ways: strings.Split(*ways, ","), runs: *runs, workers: *workers, out: *out, ferry: *ferry}
	var err error
	if asked.counts, err = numbers(*counts); err == nil {
		asked.entries, err = numbers(*entries)
	}
	return asked, err
}

func numbers(text string) ([]int, error) {
	var all []int
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		number, err := strconv.Atoi(one)
		if err != nil || number < 1 {
			return nil, fmt.Errorf("%q is not a list of numbers", text)
		}
		all = append(all, number)
	}
	return all, nil
}

// limit bounds what a single measurement may take.
const limit = 10 * time.Minute
