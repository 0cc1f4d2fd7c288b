// Command bench measures, in one run on one lab, how long connectors stand still and how long
// the whole takes: by bare REST requests, which is the floor, by ferry, by the flows of this
// repository on Kestra's engine, and by the flow of the article on the same engine.
//
//	go run ./runner/bench -counts 1,10,40 -runs 1 -out build/bench
//
// It writes bench.json, bench.md and bench.svg, and prints the tables. With -cost it measures
// what a task costs, with -others what a move does to the connectors that stay, and with
// -docs it puts the result into docs/campaign.md. Compare the ratios within a run: machines
// differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
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
	wait            time.Duration // of the article
	others, moved   int
	cost, docs      bool
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
	found := results{
		Command: fmt.Sprintf("make bench BENCH=%q", strings.Join(os.Args[1:], " ")),
		Workers: asked.workers, Runs: asked.runs, AtATime: atATime, ArticleWaitMS: asked.wait.Milliseconds(),
	}
	found.Machine, found.Busy = machine()
	if len(asked.counts)+len(asked.entries) > 0 || asked.cost {
		err = onLab(ctx, asked, "", func(b *bench) (err error) {
			if asked.cost || slices.ContainsFunc(asked.ways, func(way string) bool { return strings.HasPrefix(way, "kestra-") }) {
				if err := b.startKestra(ctx); err != nil {
					return err
				}
			}
			if found.Rows, err = b.all(ctx); err == nil && asked.cost {
				found.Cost, err = b.measureCost(ctx)
			}
			return err
		})
	}
	if err == nil && asked.others > 0 {
		asked.workers = sharing(asked.workers)
		err = onLab(ctx, asked, "1g", func(b *bench) (err error) {
			found.Beside, err = b.besideOthers(ctx)
			return err
		})
		found.Others = asked.others
	}
	// What was measured before a failure is worth keeping.
	return errors.Join(err, found.write(asked.out, asked.docs && err == nil))
}

// onLab measures on a lab of two Connect clusters that share a Kafka.
func onLab(ctx context.Context, asked settings, heap string, do func(*bench) error) error {
	started, err := lab.Start(ctx, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central", Workers: asked.workers, Heap: heap},
			{Name: "europe", Kafka: "central", Workers: asked.workers, Heap: heap},
		},
	})
	if err != nil {
		return err
	}
	b, err := newBench(ctx, started, asked)
	if err == nil {
		err = do(b)
	}
	return errors.Join(err, b.Close())
}

// sharing is how many workers a cluster has whose restarts are counted: one has nobody to
// share its tasks with.
func sharing(workers int) int { return max(workers, 2) }

func read() (settings, error) {
	counts := flag.String("counts", "1,10,40", "numbers of connectors that are moved together; empty for none")
	entries := flag.String("entries", "200,5000,20000", "numbers of offset entries of one connector; empty for none")
	ways := flag.String("ways", strings.Join(allWays, ","), "what is measured")
	runs := flag.Int("runs", 1, "how often each is measured; the tables show the medians")
	workers := flag.Int("workers", 1, "workers of each cluster")
	wait := flag.Duration("wait", time.Minute, "how long the article's flow waits after a stop")
	others := flag.Int("others", 0, "connectors that stay on each cluster, whose restarts are counted")
	moved := flag.Int("moved", 40, "how many move beside those")
	cost := flag.Bool("cost", false, "measure what a task costs")
	docs := flag.Bool("docs", false, "put the result into docs/campaign.md and docs/images")
	out := flag.String("out", "build/bench", "folder for the results")
	ferry := flag.String("ferry", "", "the ferry to measure (default: built from source)")
	flag.Parse()
	asked := settings{
		ways: strings.FieldsFunc(*ways, comma), runs: *runs, workers: *workers, wait: *wait, others: *others, moved: *moved,
		cost: *cost, docs: *docs, out: *out, ferry: *ferry,
	}
	if flag.NArg() > 0 {
		return asked, fmt.Errorf("%q is no flag", flag.Arg(0))
	}
	for _, way := range asked.ways {
		if moving[way] == nil {
			return asked, fmt.Errorf("%q is no way, expected some of %s", way, strings.Join(allWays, ","))
		}
	}
	var err error
	if asked.counts, err = numbers(*counts); err == nil {
		asked.entries, err = numbers(*entries)
	}
	return asked, err
}

func comma(r rune) bool { return r == ',' }

func numbers(text string) ([]int, error) {
	var all []int
	for _, one := range strings.FieldsFunc(text, comma) {
		number, err := strconv.Atoi(one)
		if err != nil || number < 1 {
			return nil, fmt.Errorf("%q is not a list of numbers", text)
		}
		all = append(all, number)
	}
	return all, nil
}

// limit bounds what a single measurement may take: the article's flow takes more than a minute
// for every eight connectors.
const limit = 40 * time.Minute
