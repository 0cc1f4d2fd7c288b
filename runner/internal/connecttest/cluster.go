package connecttest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// DefaultVersion is the version a cluster reports unless [WithVersion] says otherwise.
const DefaultVersion = "4.3.1"

// The cluster's own pace. Real clusters are slower, in the same order.
const (
	requestLatency  = 2 * time.Millisecond  // on the way to a worker
	staleWindow     = time.Millisecond      // in which a worker knows that it must rebalance and has not begun
	rebalanceTime   = 20 * time.Millisecond // of one round
	startTime       = 10 * time.Millisecond // of a connector
	configWriteTime = 5 * time.Millisecond  // to the config topic and read back
	followerLag     = 3 * time.Millisecond  // of workers that do not lead, behind the leader
	offsetsLag      = 50 * time.Millisecond // of a worker's memory of partitions, at least
	requestTimeout  = 90 * time.Second      // RestServer.DEFAULT_REST_REQUEST_TIMEOUT_MS
)

// Cluster is a Kafka Connect cluster in memory. It is safe for concurrent use.
// Close it, or its connectors run on.
type Cluster struct {
	name    string
	version version
	kafka   *Kafka
	plugins []Plugin

	groupID         string
	exactlyOnce     bool
	lateStatus      bool
	offsetsTopic    string
	flushInterval   time.Duration
	flushTimeout    time.Duration
	gracefulTimeout time.Duration
	topicTracking   bool

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	// herder is the thread of the leader that all writes, and reads of configs,
	// go through one by one, and that a rebalance occupies.
	herder chan struct{}

	// All below is guarded by kafka.mu.

	workers       []*worker
	state         *view // of the leader, up to date
	changes       []change
	statusLog     []internaltopic.Status
	statusWritten chan struct{}  // closed at the next record
	forgotten     map[string]int // connector to its first record that History shows
	generation    int
	rebalanceDue  bool
	connectors    map[string]*connector
	tasks         map[taskID]*task
	orphans       []*task // cancelled or deposed, their threads still run
	failStarts    map[string]string
	presets       map[string]connect.State // target states of connectors that are not there yet
	targets       []targetRecord           // every target state that was written
	intercept     Interceptor
}

type taskID struct {
	connector string
	task      int
}

// Option sets up a cluster.
type Option func(*Cluster)

// WithKafka puts the cluster on a Kafka that other clusters share, overriding
// the default of its own.
func WithKafka(shared *Kafka) Option { return func(c *Cluster) { c.kafka = shared } }

// WithName names the cluster in worker URLs (http://worker-1.NAME), worker ids
// and runs, overriding the default of a name of its own.
func WithName(name string) Option { return func(c *Cluster) { c.name = name } }

// WithVersion sets the version the workers have, overriding [DefaultVersion].
// What that version of Kafka Connect lacks, the cluster lacks.
func WithVersion(text string) Option { return func(c *Cluster) { c.version = parseVersion(text) } }

// WithWorkers sets the number of workers, overriding the default of one. The
// first that lives leads.
func WithWorkers(count int) Option {
	return func(c *Cluster) {
		c.workers = nil
		for range count {
			c.workers = append(c.workers, &worker{view: newView(), lag: followerLag})
		}
	}
}

// WithLag lets a worker, by its place in [Cluster.URLs], see configs, statuses
// and new offsets that much later than they are written, overriding the default
// of 3 ms (the leader: at once). Give it after [WithWorkers].
func WithLag(worker int, lag time.Duration) Option {
	return func(c *Cluster) { c.workers[worker].lag, c.workers[worker].slow = lag, true }
}

// WithPlugins sets the classes the workers can load, overriding the default of
// [DefaultPlugins].
func WithPlugins(plugins ...Plugin) Option { return func(c *Cluster) { c.plugins = plugins } }

// WithOffsetsTopic sets offset.storage.topic, overriding the default of one of
// the cluster's own.
func WithOffsetsTopic(name string) Option { return func(c *Cluster) { c.offsetsTopic = name } }

// WithGroupID sets group.id, of which the transactional ids of exactly-once tasks
// are made, overriding the default of the cluster's name.
func WithGroupID(id string) Option { return func(c *Cluster) { c.groupID = id } }

// WithExactlyOnce sets exactly.once.source.support to enabled, overriding the
// default of disabled (KIP-618, Kafka 3.3). Sources take transaction.boundary poll
// or interval, with transaction.boundary.interval.ms.
func WithExactlyOnce() Option { return func(c *Cluster) { c.exactlyOnce = true } }

// WithLateStatus lets the last word of a task on a follower come after the leader
// has removed the task's status, overriding the default of before: the task then
// stays in the status of its stopped connector, UNASSIGNED. Real clusters of several
// workers do either.
func WithLateStatus() Option { return func(c *Cluster) { c.lateStatus = true } }

// WithFlushInterval sets offset.flush.interval.ms, overriding the default of 60 s.
func WithFlushInterval(d time.Duration) Option { return func(c *Cluster) { c.flushInterval = d } }

// WithGracefulTimeout sets task.shutdown.graceful.timeout.ms, overriding the
// default of 5 s.
func WithGracefulTimeout(d time.Duration) Option { return func(c *Cluster) { c.gracefulTimeout = d } }

// WithoutTopicTracking sets topic.tracking.enable to false, overriding the
// default of true.
func WithoutTopicTracking() Option { return func(c *Cluster) { c.topicTracking = false } }

var lastID atomic.Int64

func nextID() string { return strconv.FormatInt(lastID.Add(1), 10) }

// New starts a cluster with no connectors.
func New(options ...Option) *Cluster {
	c := &Cluster{
		version: parseVersion(DefaultVersion), plugins: DefaultPlugins(),
		flushInterval: time.Minute, flushTimeout: 5 * time.Second, gracefulTimeout: 5 * time.Second, topicTracking: true,
		herder: make(chan struct{}, 1), state: newView(), statusWritten: make(chan struct{}),
		connectors: map[string]*connector{}, tasks: map[taskID]*task{}, failStarts: map[string]string{},
		forgotten: map[string]int{}, presets: map[string]connect.State{},
		generation: 1,
	}
	WithWorkers(1)(c)
	for _, option := range options {
		option(c)
	}
	if c.kafka == nil {
		c.kafka = NewKafka()
	}
	if c.name == "" {
		c.name = "connect-" + nextID()
	}
	if c.groupID == "" {
		c.groupID = c.name
	}
	if c.exactlyOnce && !c.version.since(3, 3) {
		panic("connecttest: version " + c.version.text + " knows nothing of exactly-once sources, 3.3 does")
	}
	if c.offsetsTopic == "" {
		c.offsetsTopic = c.name + "-offsets"
	}
	for i, worker := range c.workers {
		worker.rest = c.rest(worker)
		worker.host = fmt.Sprintf("worker-%d.%s", i+1, c.name)
		worker.id = worker.host + ":8083"
		worker.readTo = time.Now()
		if i == 0 && !worker.slow {
			worker.lag = 0
		}
	}
	// #nosec G118 -- called by Close
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends all connectors and requests, as if the power went out, and waits
// for their goroutines.
func (c *Cluster) Close() {
	c.cancel()
	c.running.Wait()
}

// Name returns the cluster's name.
func (c *Cluster) Name() string { return c.name }

// Kafka returns the Kafka the cluster is on.
func (c *Cluster) Kafka() *Kafka { return c.kafka }

// URLs returns the base URLs of the workers, for use with [Cluster.Transport].
func (c *Cluster) URLs() []string {
	urls := make([]string, len(c.workers))
	for i, worker := range c.workers {
		urls[i] = "http://" + worker.host
	}
	return urls
}

// Client returns a client that knows all workers.
func (c *Cluster) Client() *connect.Client {
	client, err := connect.New(connect.Options{Workers: c.URLs(), Transport: c.Transport()})
	if err != nil {
		panic("connecttest: the cluster's own URLs are valid: " + err.Error())
	}
	return client
}

// Commit makes the tasks of all connectors commit what they could commit now,
// as they do each flush interval.
func (c *Cluster) Commit() {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	for _, task := range c.tasks {
		task.impl.commit()
	}
}

// CreateAll writes the configs of many connectors at once, RUNNING, PAUSED or STOPPED, by their
// names. One rebalance starts them all: a cluster that has grown over years, in a moment.
func (c *Cluster) CreateAll(configs map[string]rawjson.Object, target connect.State) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	for name, config := range configs {
		c.putConnector(name, config.With("name", rawjson.String(name)), target)
	}
}

// PutOffset writes an offset for a connector as one of its tasks would, spelled
// as it is. A null offset is a tombstone.
func (c *Cluster) PutOffset(connector string, partition, offset rawjson.Value) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.kafka.offsetsTopic(c.offsetsTopic).put(connector, partition, offset)
}

// worker is one worker: what it has read so far, and whether it lives.
type worker struct {
	host, id string
	rest     http.Handler
	lag      time.Duration
	slow     bool // lag was set
	view     *view
	applied  int       // of the cluster's changes
	readTo   time.Time // of the offsets topic
	down     bool      // does not answer
	dead     bool
}

// view is what one worker has read from the config and status topics.
type view struct {
	configs  map[string]connectorConfig
	statuses map[string]map[int]shownStatus // internaltopic.OfConnector for the connector
	topics   map[string][]string            // active topics
}

// connectorConfig is what the config topic says of a connector.
type connectorConfig struct {
	config rawjson.Object
	target connect.State // RUNNING, PAUSED or STOPPED
	tasks  []rawjson.Object
	epoch  int // grows with each commit of task configs
}

func newView() *view {
	return &view{configs: map[string]connectorConfig{}, statuses: map[string]map[int]shownStatus{}, topics: map[string][]string{}}
}

// change is a record of the config or status topic.
type change struct {
	at    time.Time
	apply func(*view)
}

func (c *Cluster) publish(apply func(*view)) {
	c.changes = append(c.changes, change{at: time.Now(), apply: apply})
	apply(c.state)
}

// catchUp returns the worker's view as of now.
func (c *Cluster) catchUp(w *worker) *view {
	for w.applied < len(c.changes) && !c.changes[w.applied].at.Add(w.lag).After(time.Now()) {
		c.changes[w.applied].apply(w.view)
		w.applied++
	}
	return w.view
}

// leader returns the first worker that lives, or nil.
func (c *Cluster) leader() *worker {
	i := slices.IndexFunc(c.workers, func(w *worker) bool { return !w.dead })
	if i < 0 {
		return nil
	}
	return c.workers[i]
}

// pause waits for d; it returns false if the cluster was closed.
func (c *Cluster) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// ServeHTTP answers as the worker whose host the request names, or the first.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i := slices.IndexFunc(c.workers, func(worker *worker) bool { return worker.host == r.Host })
	c.Worker(max(i, 0)).ServeHTTP(w, r)
}
