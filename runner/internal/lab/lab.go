package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// KeepVariable names the environment variable that, set to anything, keeps the
// data and logs of labs in temporary folders when they are closed.
const KeepVariable = "FERRY_LAB_KEEP"

// Config says what a lab consists of. Names must be fit for file names.
type Config struct {
	Kafka   []KafkaSpec
	Connect []ConnectSpec
	// Dir is where data and logs go; it stays after Close. "" means a temporary
	// folder, which does not, unless the start failed.
	Dir      string
	Progress io.Writer // a line now and then; nil for none
}

// Lab is a set of running Kafka and Connect clusters.
type Lab struct {
	dir       string
	temporary bool
	progress  io.Writer
	java      string

	brokerClassPath string
	connectors      string     // folder of the lab's own connectors
	authority       *Authority // nil: nothing is guarded

	kafkas   map[string]*Kafka
	connects map[string]*Connect

	mu       sync.Mutex
	children []*Process // all there are, also tables
}

// Start starts a lab and returns when all of it answers. If that fails, nothing
// is left running, the logs stay and the error says where.
func Start(ctx context.Context, config Config) (*Lab, error) {
	lab := &Lab{
		dir: config.Dir, progress: config.Progress,
		kafkas: map[string]*Kafka{}, connects: map[string]*Connect{},
	}
	if lab.progress == nil {
		lab.progress = io.Discard
	}
	if err := lab.prepare(ctx, config); err != nil {
		return nil, errors.Join(err, lab.Close())
	}
	started := time.Now()
	fmt.Fprintf(lab.progress, "lab: starting %d Kafka and %d Connect clusters, logs in %s\n",
		len(config.Kafka), len(config.Connect), lab.LogDir())
	// All at the same time: workers wait for their Kafka by themselves.
	group, groupContext := errgroup.WithContext(ctx)
	for _, child := range lab.children {
		group.Go(func() error { return child.Start(groupContext) })
	}
	if err := group.Wait(); err != nil {
		lab.Keep()
		return nil, errors.Join(err, lab.Close())
	}
	fmt.Fprintf(lab.progress, "lab: ready after %.1f s\n", time.Since(started).Seconds())
	return lab, nil
}

// prepare does all but start the processes.
func (l *Lab) prepare(ctx context.Context, config Config) error {
	if err := l.resolve(ctx); err != nil {
		return err
	}
	if err := l.makeDir(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, spec := range config.Kafka {
		kafka, err := l.newKafka(ctx, spec)
		if err != nil {
			return err
		}
		l.kafkas[spec.Name] = kafka
		l.children = append(l.children, kafka.Process)
	}
	for _, spec := range config.Connect {
		connect, err := l.newConnect(ctx, spec)
		if err != nil {
			return err
		}
		l.connects[spec.Name] = connect
		for _, worker := range connect.workers {
			l.children = append(l.children, worker.Process)
		}
	}
	return nil
}

// resolve finds Java, and in the cache what all labs share.
func (l *Lab) resolve(ctx context.Context) error {
	var err error
	if l.java, err = javaCommand(); err != nil {
		return err
	}
	broker, err := jars(ctx, "kafka-"+KafkaVersion, brokerArtifacts(), l.progress)
	if err != nil {
		return err
	}
	if l.brokerClassPath, err = classPath(broker); err != nil {
		return err
	}
	l.connectors, err = connectorJars(ctx, l.progress)
	return err
}

func (l *Lab) makeDir() error {
	if l.dir == "" {
		dir, err := os.MkdirTemp("", "ferry-lab-")
		if err != nil {
			return err
		}
		l.dir = dir
		l.temporary = os.Getenv(KeepVariable) == ""
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return err
	}
	l.dir = dir
	return os.MkdirAll(l.LogDir(), 0o755)
}

// Dir returns the folder with the lab's data and logs.
func (l *Lab) Dir() string { return l.dir }

// LogDir returns the folder with one log file for each process.
func (l *Lab) LogDir() string { return filepath.Join(l.dir, "logs") }

func (l *Lab) logPath(name string) string { return filepath.Join(l.LogDir(), name+".log") }

// Kafka returns the Kafka cluster of that name. It panics if there is none, as
// the names are the caller's own.
func (l *Lab) Kafka(name string) *Kafka {
	kafka, ok := l.kafkas[name]
	if !ok {
		panic(fmt.Sprintf("lab: no Kafka cluster %q: there are %q", name, sortedKeys(l.kafkas)))
	}
	return kafka
}

// Connect returns the Connect cluster of that name. It panics if there is none.
func (l *Lab) Connect(name string) *Connect {
	connect, ok := l.connects[name]
	if !ok {
		panic(fmt.Sprintf("lab: no Connect cluster %q: there are %q", name, sortedKeys(l.connects)))
	}
	return connect
}

// Connects returns all Connect clusters, by name.
func (l *Lab) Connects() []*Connect {
	all := make([]*Connect, 0, len(l.connects))
	for _, name := range sortedKeys(l.connects) {
		all = append(all, l.connects[name])
	}
	return all
}

// adopt makes Close end a process that was started later.
func (l *Lab) adopt(child *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.children = append(l.children, child)
}

// Keep makes Close leave the folder with data and logs, also a temporary one.
func (l *Lab) Keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.temporary = false
}

// Close kills all processes of the lab, and removes its folder if it is a
// temporary one.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var group errgroup.Group
	for _, child := range l.children {
		group.Go(child.Kill)
	}
	err := group.Wait()
	if l.temporary {
		err = errors.Join(err, os.RemoveAll(l.dir))
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
