// Package demo is what `make demo` runs: one central Connect cluster becomes three, by rules,
// with sources and sinks under traffic and a real Kestra engine with the plugin's jar and the
// flows as they are shipped. The plan is rehearsed and approved; canaries go first; in a wave
// one copy cannot start, and is rolled back; that is mended, and the rest goes. The owners are
// asked: one accepts, and the origin's copy is removed; one takes its connector back. Every record
// is counted.
//
// It is not internal because examples/demo, which starts it, is outside of runner.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
)

const central = "global"

// limit bounds the whole demo, the first download of jars included.
const limit = 20 * time.Minute

// Main runs the demo and returns its exit code: 0 if every record of every
// connector arrived exactly once, 1 if not or if something failed, 2 for usage.
func Main(arguments []string, out io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(out)
	version := flags.String("kestra", "2.0.0", "Kestra `version`, one of "+strings.Join(kestratest.Versions, ", "))
	if err := flags.Parse(arguments); err != nil || flags.NArg() > 0 {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	d := &demo{out: out, started: time.Now(), version: *version}
	exact, err := d.run(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(out, "demo: failed: %v\n", err)
		return 1
	}
	if !exact {
		return 1
	}
	return 0
}

type demo struct {
	out     io.Writer
	started time.Time
	version string
	lab     *lab.Lab
	engine  *kestratest.Engine
	nats    *natstest.Server

	connectors   []*connector
	certificates certificates
}

func (d *demo) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(d.out, "%5.1fs  %s\n", time.Since(d.started).Seconds(), fmt.Sprintf(format, arguments...))
}

func (d *demo) run(ctx context.Context) (exact bool, err error) {
	defer func() { err = errors.Join(err, d.close()) }()
	plugins, err := d.build(ctx)
	if err != nil {
		return false, err
	}
	if err := d.startAll(ctx, plugins); err != nil {
		return false, err
	}
	if d.connectors, err = startConnectors(ctx, d.lab); err != nil {
		return false, err
	}
	d.say("%d connectors run on %s, with live traffic", len(d.connectors), central)
	migration, err := d.migrate(ctx)
	if err != nil {
		return false, err
	}
	if err := d.owners(ctx, migration); err != nil {
		return false, err
	}
	stories, err := d.history(ctx)
	if err != nil {
		return false, err
	}
	d.say("traffic ends, every record is counted")
	results, err := d.count(ctx, stories)
	if err != nil {
		return false, err
	}
	return results.print(d.out), nil
}

// close ends everything the demo has started.
func (d *demo) close() error {
	var err error
	if d.engine != nil {
		err = d.engine.Close()
	}
	for _, connector := range d.connectors {
		connector.stop()
	}
	if d.nats != nil {
		d.nats.Stop()
	}
	if d.lab != nil {
		err = errors.Join(err, d.lab.Close())
	}
	return err
}

func (d *demo) build(ctx context.Context) (plugins string, err error) {
	if err := forget(); err != nil {
		return "", err
	}
	d.say("building the runner, the plugin and the harness for Kestra %s (the first time Maven gets the jars)", d.version)
	if plugins, err = kestratest.BuildPlugin(ctx); err != nil {
		return "", err
	}
	return plugins, kestratest.Build(ctx, d.version)
}

// startAll starts the lab and the engine, at the same time.
func (d *demo) startAll(ctx context.Context, plugins string) error {
	type started struct {
		engine *kestratest.Engine
		err    error
	}
	engines := make(chan started, 1)
	go func() {
		flows, err := kestratest.Flows(d.version)
		if err != nil {
			engines <- started{err: err}
			return
		}
		engine, err := kestratest.Start(ctx, kestratest.Options{Version: d.version, Plugins: plugins, Flows: flows, OnEvent: d.hear})
		engines <- started{engine, err}
	}()
	var err error
	d.lab, err = lab.Start(ctx, lab.Config{
		Kafka:    []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Connect:  []lab.ConnectSpec{{Name: central, Kafka: "central"}, {Name: "europe", Kafka: "central"}, {Name: "americas", Kafka: "central"}, {Name: "asia", Kafka: "central"}},
		Progress: progress{d},
	})
	engine := <-engines
	d.engine = engine.engine
	if err := errors.Join(err, engine.err); err != nil {
		return err
	}
	if d.nats, err = natstest.Start(filepath.Join(d.lab.Dir(), "nats"), nil); err != nil {
		return err
	}
	d.say("Kestra %s runs, with the plugin's jar and the flows of this repository", d.version)
	return d.nameClusters(ctx)
}

// nameClusters sets the KV entry connect_clusters, as a user does once.
func (d *demo) nameClusters(ctx context.Context) error {
	file := filepath.Join(d.lab.Dir(), "clusters.yaml")
	if err := d.lab.WriteClusters(file, true); err != nil {
		return err
	}
	type kafka struct {
		BootstrapServers   []string `json:"bootstrap_servers"`
		OffsetStorageTopic string   `json:"offset_storage_topic"`
		StatusStorageTopic string   `json:"status_storage_topic"`
	}
	type cluster struct {
		ConnectURL []string `json:"connect_url"`
		Kafka      kafka    `json:"kafka"`
	}
	clusters := map[string]cluster{}
	for _, c := range d.lab.Connects() {
		clusters[c.Name()] = cluster{c.URLs(), kafka{[]string{c.Kafka().Bootstrap()}, c.OffsetsTopic(), c.StatusTopic()}}
	}
	return d.engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": clusters, "nats": map[string]string{"url": d.nats.URL()}})
}

type progress struct{ *demo }

func (p progress) Write(line []byte) (int, error) {
	p.say("%s", strings.TrimSpace(string(line)))
	return len(line), nil
}
