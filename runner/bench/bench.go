package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// tasks are those of each connector that moves.
const tasks = 2

// bench measures on one lab.
type bench struct {
	*lab.Lab
	settings
	origin, target *lab.Connect
	sides          []*cluster.Cluster // origin and target, with their status topics
	clusters       map[bool]string    // the clusters file, with and without Kafka
	logs           []string           // of the workers, which log each request
	kafka          *kafka.Client
	kestra         *kestratest.Engine // nil if nothing that is asked for needs it
	plugins        string             // folder of the plugin's jar, likewise
}

// newBench takes over a lab. Close it, also if it failed.
func newBench(ctx context.Context, on *lab.Lab, asked settings) (*bench, error) {
	b := &bench{Lab: on, settings: asked, origin: on.Connect("global"), target: on.Connect("europe"), clusters: map[bool]string{}}
	for _, withKafka := range []bool{true, false} {
		b.clusters[withKafka] = filepath.Join(asked.out, fmt.Sprintf("clusters-%v.yaml", withKafka))
		if err := on.WriteClusters(b.clusters[withKafka], withKafka); err != nil {
			return b, err
		}
	}
	var err error
	if b.kafka, err = kafka.Open(ctx, kafka.Config{Brokers: []string{b.origin.Kafka().Bootstrap()}}); err != nil {
		return b, err
	}
	for _, of := range []*lab.Connect{b.origin, b.target} {
		status := cluster.Known[cluster.StatusTopic](b.kafka.StatusLog(of.StatusTopic()))
		b.sides = append(b.sides, &cluster.Cluster{Name: of.Name(), Client: of.Client(), Kafka: cluster.Kafka{Status: status}})
	}
	b.logs, err = filepath.Glob(filepath.Join(on.LogDir(), "*.log"))
	return b, err
}

// Close ends the engine and the lab.
func (b *bench) Close() error {
	var err error
	if b.kestra != nil {
		err = b.kestra.Close()
	}
	if b.kafka != nil {
		b.kafka.Close()
	}
	return errors.Join(err, b.Lab.Close())
}

// all measures every way with every number of connectors.
func (b *bench) all(ctx context.Context) ([]row, error) {
	var rows []row
	for n := range b.runs {
		for _, count := range b.counts {
			for _, way := range b.ways {
				one, err := b.measure(ctx, way, fmt.Sprintf("b%d-%d-%s", n+1, count, way), count, 0)
				if err != nil {
					return rows, fmt.Errorf("%s with %d connectors: %w", way, count, err)
				}
				one.Run = n + 1
				fmt.Println(one)
				rows = append(rows, one)
			}
		}
		for _, entries := range b.entries {
			one, err := b.measure(ctx, "ferry-hard", fmt.Sprintf("e%d-%d", n+1, entries), 1, entries)
			if err != nil {
				return rows, fmt.Errorf("%d entries: %w", entries, err)
			}
			one.Run = n + 1
			fmt.Println(one)
			rows = append(rows, one)
		}
	}
	return rows, nil
}

func (b *bench) measure(ctx context.Context, way, prefix string, count, entries int) (row, error) {
	return b.measured(ctx, way, prefix, count, entries, nil)
}

// measured starts connectors, moves them one way, and removes them. beside, which may be nil,
// begins to look at something else before the move, and returns what ends that once the
// clusters are quiet again.
func (b *bench) measured(ctx context.Context, way, prefix string, count, entries int, beside func(names []string) func()) (row, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	names, err := b.start(ctx, prefix, count, entries)
	defer b.remove(context.WithoutCancel(ctx), names)
	if err != nil {
		return row{}, fmt.Errorf("start: %w", err)
	}
	w, err := witnessed(ctx, names, tasks, b.sides[0], b.sides[1])
	if err != nil {
		return row{}, err
	}
	defer w.end()
	var endBeside func()
	if beside != nil {
		if err := w.quiet(ctx); err != nil {
			return row{}, err
		}
		endBeside = beside(names)
	}
	before := b.requests()
	begun := time.Now()
	one, err := moving[way](b, ctx, names)
	if err != nil {
		return row{}, err
	}
	still, last, err := w.arrived(ctx)
	if err != nil {
		return row{}, err
	}
	one.setDowntimes(still)
	if one.WallMS == 0 {
		one.WallMS = time.Since(begun).Milliseconds()
	}
	// A way that does not wait for the start ends before it.
	one.WallMS = max(one.WallMS, last.Sub(begun).Milliseconds())
	one.Way, one.Connectors, one.Entries, one.Requests = way, count, entries, b.requests()-before
	if beside != nil {
		if err := w.quiet(ctx); err != nil {
			return row{}, err
		}
		endBeside()
	}
	one.Lost, one.Duplicated, err = b.count(ctx, names)
	return one, err
}

// start starts connectors of two tasks, or one with many entries, and waits until their
// records flow.
func (b *bench) start(ctx context.Context, prefix string, count, entries int) ([]string, error) {
	var names []string
	var group errgroup.Group
	group.SetLimit(8)
	for i := range count {
		name := fmt.Sprintf("%s-%03d", prefix, i)
		names = append(names, name)
		group.Go(func() error { return b.startOne(ctx, name) })
	}
	if err := group.Wait(); err != nil {
		return names, err
	}
	for _, name := range names {
		err := wait.Until(ctx, "offsets of "+name, 2*time.Minute, func(ctx context.Context) (bool, string, error) {
			value, err := b.origin.Client().Offsets(ctx, name)
			if err != nil {
				return false, err.Error(), nil
			}
			found := strings.Count(value.String(), `"partition"`)
			return found >= tasks, fmt.Sprintf("%d entries", found), nil
		})
		if err == nil && entries > 0 {
			err = b.addEntries(ctx, name, entries)
		}
		if err != nil {
			return names, err
		}
	}
	return names, nil
}

// startOne starts a connector and makes its tasks commit what they have sent so far, as a
// restart does: by themselves they do so once a minute.
func (b *bench) startOne(ctx context.Context, name string) error {
	err := retried(ctx, func(ctx context.Context) error { return b.origin.Run(ctx, name, lab.NumberedSource(name, tasks, 20)) })
	for task := range tasks {
		if err == nil {
			err = lab.AwaitSequence(ctx, b.origin.Kafka().Bootstrap(), name, fmt.Sprintf("%s-%d", name, task), 1, time.Minute)
		}
		if err == nil {
			err = retried(ctx, func(ctx context.Context) error { return b.origin.Client().RestartTask(ctx, name, task) })
		}
	}
	return err
}

// addEntries gives a connector offsets of partitions that it does not have any more.
func (b *bench) addEntries(ctx context.Context, name string, count int) error {
	client := b.origin.Client()
	var document strings.Builder
	document.WriteString(`{"offsets":[`)
	for i := range count - tasks {
		if i > 0 {
			document.WriteByte(',')
		}
		fmt.Fprintf(&document, `{"partition":{"stream":"another-%d"},"offset":{"sequence":%d}}`, i, i)
	}
	document.WriteString(`]}`)
	offsets, err := rawjson.Parse([]byte(document.String()))
	if err != nil {
		return err
	}
	if err := retried(ctx, func(ctx context.Context) error { return client.Stop(ctx, name) }); err != nil {
		return err
	}
	if err := b.await(ctx, name, func(ctx context.Context) (string, error) { return client.NotAtRest(ctx, name, connect.Stopped) }); err != nil {
		return err
	}
	if err := retried(ctx, func(ctx context.Context) error { _, err := client.AlterOffsets(ctx, name, offsets); return err }); err != nil {
		return err
	}
	if err := retried(ctx, func(ctx context.Context) error { return client.Resume(ctx, name) }); err != nil {
		return err
	}
	return b.await(ctx, name, func(ctx context.Context) (string, error) {
		status, err := client.Status(ctx, name)
		return status.Missing(connect.Running, tasks), err
	})
}

// await waits until nothing is missing.
func (b *bench) await(ctx context.Context, name string, missing func(context.Context) (string, error)) error {
	return wait.Until(ctx, name, time.Minute, func(ctx context.Context) (bool, string, error) {
		said, err := missing(ctx)
		return said == "", said, err
	})
}

// remove deletes connectors and waits until they are gone: a rule of migrate-cluster would find
// them otherwise.
func (b *bench) remove(ctx context.Context, names []string) {
	_ = b.everywhere(names, func(of *lab.Connect, name string) error {
		client := of.Client()
		err := retried(ctx, func(ctx context.Context) error { return client.Delete(ctx, name) })
		if err == nil {
			err = b.await(ctx, name, func(ctx context.Context) (string, error) {
				_, err := client.Config(ctx, name)
				if err == nil {
					return "it is still there", nil
				}
				return "", err
			})
		}
		if !connect.IsNotFound(err) {
			fmt.Fprintf(os.Stderr, "bench: %s is left on %s: %v\n", name, of.Name(), err)
		}
		return nil
	})
}

// everywhere does something to each connector on each cluster, several at a time.
func (b *bench) everywhere(names []string, do func(*lab.Connect, string) error) error {
	var group errgroup.Group
	group.SetLimit(8)
	for _, of := range b.Connects() {
		for _, name := range names {
			group.Go(func() error { return do(of, name) })
		}
	}
	return group.Wait()
}

// requests counts the REST requests that the workers have logged.
func (b *bench) requests() int {
	count := 0
	for _, path := range b.logs {
		content, err := os.ReadFile(path) // #nosec G304 -- the lab's own log
		if err != nil {
			continue
		}
		count += strings.Count(string(content), " HTTP/1.1\" ")
	}
	return count
}

// count stops the connectors everywhere and counts their records.
func (b *bench) count(ctx context.Context, names []string) (lost, duplicated int64, err error) {
	if err := b.everywhere(names, func(of *lab.Connect, name string) error {
		err := retried(ctx, func(ctx context.Context) error { return of.Client().Stop(ctx, name) })
		if connect.IsNotFound(err) {
			return nil
		}
		return err
	}); err != nil {
		return 0, 0, err
	}
	for _, name := range names {
		tally, err := lab.Count(ctx, b.origin.Kafka().Bootstrap(), name)
		if err != nil {
			return 0, 0, err
		}
		lost += tally.Lost()
		duplicated += tally.Duplicated()
	}
	return lost, duplicated, nil
}
