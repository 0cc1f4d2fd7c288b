package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// source is a connector of the demo and the traffic that it carries.
type source struct {
	name    string
	moves   bool
	returns bool // is rolled back after it was moved
	topic   string
	// end ends the traffic and returns the last sequence that was handed to each
	// stream, so that records missing at the end are missed too.
	end  func(ctx context.Context) (map[string]int64, error)
	stop func() // ends the traffic, whatever happened
}

func names(sources []*source) string {
	var all []string
	for _, source := range sources {
		all = append(all, source.name)
	}
	return strings.Join(all, ", ")
}

const rate = 200 // records a second of each stream

// startSources starts six connectors on the central cluster.
func startSources(ctx context.Context, l *lab.Lab) ([]*source, error) {
	var sources []*source
	for _, start := range []func(context.Context, *lab.Lab) (*source, error){
		mirror, table, file,
		numbered("machine-readings", 3, true, true),
		numbered("press-cycles", 1, false, false),
		numbered("energy-meters", 2, false, false),
	} {
		source, err := start(ctx, l)
		if err != nil {
			return sources, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// mirror is the case of the article: a factory's topic, replicated to the central
// Kafka by MirrorMaker's source connector.
func mirror(ctx context.Context, l *lab.Lab) (*source, error) {
	factory, name := l.Kafka("factory"), "factory-orders"
	traffic, err := lab.StartTraffic(ctx, lab.TrafficSpec{Bootstrap: factory.Bootstrap(), Topic: "orders", Stream: "orders", Rate: rate})
	if err != nil {
		return nil, err
	}
	s := &source{
		name: name, moves: true, topic: "factory.orders",
		stop: func() { _, _ = traffic.Stop() },
		end: func(context.Context) (map[string]int64, error) {
			last, err := traffic.Stop()
			return map[string]int64{"orders": last}, err
		},
	}
	// The connector looks for topics when it starts, so the topic has to be there.
	if err := lab.AwaitSequence(ctx, factory.Bootstrap(), "orders", "orders", 0, time.Minute); err != nil {
		return s, err
	}
	return s, l.Connect(central).Run(ctx, name, lab.MirrorSource(factory, l.Kafka("central"), "orders"))
}

// table is a database table, polled by timestamp and incrementing column.
func table(ctx context.Context, l *lab.Lab) (*source, error) {
	rows, err := l.StartTable(ctx, "invoices", rate)
	if err != nil {
		return nil, err
	}
	s := &source{
		name: "erp-invoices", moves: true, topic: "invoices", stop: func() {},
		end: func(context.Context) (map[string]int64, error) {
			last, err := rows.Hold()
			return map[string]int64{rows.Name(): last}, err
		},
	}
	return s, l.Connect(central).Run(ctx, s.name, lab.TableSource(rows, s.topic))
}

// file is a log file that grows.
func file(ctx context.Context, l *lab.Lab) (*source, error) {
	path := filepath.Join(l.Dir(), "press.log")
	log, err := os.Create(path) // #nosec G304 -- within the lab's own folder
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan int64, 1)
	go func() { written <- appendLines(ctx, log) }()
	s := &source{
		name: "press-log", moves: true, topic: "press-log", stop: cancel,
		end: func(context.Context) (map[string]int64, error) {
			cancel()
			return map[string]int64{"press": <-written}, log.Close()
		},
	}
	return s, l.Connect(central).Run(ctx, s.name, lab.FileSource(path, s.topic))
}

// appendLines writes numbered lines until ctx ends and returns the last number.
func appendLines(ctx context.Context, log *os.File) int64 {
	ticker := time.NewTicker(time.Second / rate)
	defer ticker.Stop()
	for next := int64(0); ; next++ {
		select {
		case <-ctx.Done():
			return next - 1
		case <-ticker.C:
			if _, err := fmt.Fprintf(log, "press %d\n", next); err != nil {
				return next - 1
			}
		}
	}
}

// numbered is a source that counts by itself. Its traffic ends with it.
func numbered(name string, tasks int, moves, returns bool) func(context.Context, *lab.Lab) (*source, error) {
	return func(ctx context.Context, l *lab.Lab) (*source, error) {
		s := &source{
			name: name, moves: moves, returns: returns, topic: name, stop: func() {},
			end: func(ctx context.Context) (map[string]int64, error) { return nil, stopEverywhere(ctx, l, name) },
		}
		return s, l.Connect(central).Run(ctx, name, lab.NumberedSource(name, tasks, rate))
	}
}
