package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// connector is one of the demo, with the traffic that it carries.
type connector struct {
	name    string
	returns bool // is taken back at the end
	topic   string
	files   []string // that a sink writes to, on the origin and on its target
	// end ends the traffic and returns the last sequence that was handed to each
	// stream, so that records missing at the end are missed too.
	end  func(ctx context.Context) (map[string]int64, error)
	stop func() // ends the traffic, whatever happened
}

const rate = 100 // records a second of each stream

// startConnectors starts the connectors on the central cluster. Their names say where
// examples/demo/rules.yaml sends them.
func startConnectors(ctx context.Context, l *lab.Lab) ([]*connector, error) {
	if err := os.Mkdir(filepath.Join(l.Dir(), "archive"), 0o750); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	var connectors []*connector
	for _, start := range []func(context.Context, *lab.Lab) (*connector, error){
		numbered("as-energy-meters", 1, false), file, sink(brittle, "archive-asia"),
		numbered("am-machine-readings", 3, true), sink("am-shipments", "archive"),
		table, mirror,
		numbered("press-cycles", 1, false),
	} {
		connector, err := start(ctx, l)
		if connector != nil {
			connectors = append(connectors, connector)
		}
		if err != nil {
			return connectors, err
		}
	}
	return connectors, nil
}

// mirror is the case of the article: a factory's topic, replicated to the central
// Kafka by MirrorMaker's source connector.
func mirror(ctx context.Context, l *lab.Lab) (*connector, error) {
	factory, name := l.Kafka("factory"), "eu-factory-orders"
	c, err := fed(ctx, factory, &connector{name: name, topic: "factory.orders"}, "orders")
	if err != nil {
		return c, err
	}
	return c, l.Connect(central).Run(ctx, name, lab.MirrorSource(factory, l.Kafka("central"), "orders"))
}

// sink writes the records of a topic to a file. In its new region that may be another one.
func sink(name, there string) func(context.Context, *lab.Lab) (*connector, error) {
	return func(ctx context.Context, l *lab.Lab) (*connector, error) {
		file := filepath.Join(l.Dir(), "archive", name)
		c, err := fed(ctx, l.Kafka("central"), &connector{name: name, files: []string{file}}, name)
		if err != nil {
			return c, err
		}
		if moved := filepath.Join(l.Dir(), there, name); moved != file {
			c.files = append(c.files, moved)
		}
		return c, l.Connect(central).Run(ctx, name, lab.FileSink(name, file))
	}
}

// fed feeds a connector by records of a topic of Kafka. It returns once the topic is there,
// since a connector looks for it when it starts.
func fed(ctx context.Context, kafka *lab.Kafka, c *connector, topic string) (*connector, error) {
	traffic, err := lab.StartTraffic(ctx, lab.TrafficSpec{Bootstrap: kafka.Bootstrap(), Topic: topic, Stream: topic, Rate: rate})
	if err != nil {
		return nil, err
	}
	c.stop = func() { _, _ = traffic.Stop() }
	c.end = func(context.Context) (map[string]int64, error) {
		last, err := traffic.Stop()
		return map[string]int64{topic: last}, err
	}
	return c, lab.AwaitSequence(ctx, kafka.Bootstrap(), topic, topic, 0, time.Minute)
}

// table is a database table, polled by timestamp and incrementing column.
func table(ctx context.Context, l *lab.Lab) (*connector, error) {
	rows, err := l.StartTable(ctx, "invoices", rate)
	if err != nil {
		return nil, err
	}
	c := &connector{
		name: "eu-erp-invoices", topic: "invoices", stop: func() {},
		end: func(context.Context) (map[string]int64, error) {
			last, err := rows.Hold()
			return map[string]int64{rows.Name(): last}, err
		},
	}
	return c, l.Connect(central).Run(ctx, c.name, lab.TableSource(rows, c.topic))
}

// file is a log file that grows.
func file(ctx context.Context, l *lab.Lab) (*connector, error) {
	path := filepath.Join(l.Dir(), "press.log")
	log, err := os.Create(path) // #nosec G304 -- within the lab's own folder
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan int64, 1)
	go func() { written <- appendLines(ctx, log) }()
	c := &connector{
		name: "as-press-log", topic: "press-log", stop: cancel,
		end: func(context.Context) (map[string]int64, error) {
			cancel()
			return map[string]int64{"press": <-written}, log.Close()
		},
	}
	return c, l.Connect(central).Run(ctx, c.name, lab.FileSource(path, c.topic))
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
func numbered(name string, tasks int, returns bool) func(context.Context, *lab.Lab) (*connector, error) {
	return func(ctx context.Context, l *lab.Lab) (*connector, error) {
		c := &connector{
			name: name, returns: returns, topic: name, stop: func() {},
			end: func(ctx context.Context) (map[string]int64, error) { return nil, stopEverywhere(ctx, l, name) },
		}
		return c, l.Connect(central).Run(ctx, name, lab.NumberedSource(name, tasks, rate))
	}
}

// count ends the traffic, waits for its last record, and counts all from the first on.
func (c *connector) count(ctx context.Context, l *lab.Lab) (lab.Tally, error) {
	lasts, err := c.end(ctx)
	if err != nil {
		return nil, err
	}
	tally := lab.Tally{}
	if c.files != nil {
		tally[c.name], err = c.countFiles(ctx, lasts[c.name])
	} else {
		tally, err = c.countTopic(ctx, l.Kafka("central").Bootstrap(), lasts)
	}
	if err == nil && tally.Records() == 0 {
		err = errors.New("no record has arrived")
	}
	for name, stream := range tally {
		stream.Lost += stream.First // every stream begins at 0
		tally[name] = stream
	}
	return tally, err
}
