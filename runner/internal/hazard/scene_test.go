package hazard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// patience bounds what a loaded machine may take for anything.
const patience = 3 * time.Minute

// scene is what one row plays on: two clusters behind proxies, and one connector.
type scene struct {
	*testing.T
	row            row
	lab            *lab.Lab
	origin, target *side
	connector      string
	topic          string // to which it writes
	targetName     string // of the copy
	binary         string
	clusters       string // the file
	secret         string // planted in the connector's config
	tasks          int
	config         map[string]string
	offsets        string        // topic of the connector's own offsets; "" for the cluster's
	longest        time.Duration // it stood still, of several connectors

	created time.Time // when the connector was made
	begun   time.Time // when everything was set up
	ended   time.Time // when it was stopped to be counted; zero: not yet
	byHand  bool      // what ran was not ferry, so that what always holds of ferry need not
	wentTo  bool      // a rollback ran, so that the origin's offsets may have been written
	doubles bool      // duplicates are what the row shows

	mu     sync.Mutex
	deaths []death
	said   []string // all that ferry printed and wrote
}

// side is a cluster and the proxies that ferry reaches its workers by.
type side struct {
	*lab.Connect
	proxies []*lab.Proxy
}

// through sends what goes to any worker of the side through intercept.
func (s *side) through(intercept lab.Intercept) {
	for _, proxy := range s.proxies {
		proxy.Through(intercept)
	}
}

func (s *side) cut() {
	for _, proxy := range s.proxies {
		proxy.Cut()
	}
}

func (s *side) mend() {
	for _, proxy := range s.proxies {
		proxy.Mend()
	}
}

func newScene(t *testing.T, r row) *scene {
	t.Helper()
	binary, err := ferrytest.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{
		T: t, row: r, lab: enter(t, r.stage), binary: binary, tasks: 2,
		connector: strings.ToLower(r.name), topic: strings.ToLower(r.name), secret: "planted-" + strconv.FormatInt(time.Now().UnixNano(), 36),
		clusters: filepath.Join(t.TempDir(), "clusters.yaml"),
	}
	s.targetName = s.connector
	s.origin, s.target = s.side(cmp.Or(r.from, "global")), s.side(cmp.Or(r.to, "europe"))
	s.writeClusters(true)
	t.Cleanup(s.remove)
	return s
}

func (s *scene) side(name string) *side {
	s.Helper()
	cluster := &side{Connect: s.lab.Connect(name)}
	for _, url := range cluster.URLs() {
		cluster.proxies = append(cluster.proxies, s.proxy(url))
	}
	return cluster
}

func (s *scene) proxy(targets ...string) *lab.Proxy {
	s.Helper()
	proxy, err := lab.StartProxy(targets...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

// balanced puts one proxy in front of all workers of each side.
func (s *scene) balanced() {
	s.Helper()
	for _, side := range []*side{s.origin, s.target} {
		side.proxies = []*lab.Proxy{s.proxy(side.URLs()...)}
	}
	s.writeClusters(true)
}

// writeClusters writes the file that ferry reads; without Kafka it knows REST only.
func (s *scene) writeClusters(withKafka bool) {
	s.Helper()
	var text strings.Builder
	text.WriteString("clusters:\n")
	for _, side := range []*side{s.origin, s.target} {
		var urls []string
		for _, proxy := range side.proxies {
			urls = append(urls, proxy.URL())
		}
		fmt.Fprintf(&text, "  %s:\n    connect_url: [%s]\n", side.Name(), strings.Join(urls, ", "))
		if withKafka {
			fmt.Fprintf(&text, "    kafka:\n      bootstrap_servers: [%q]\n      offset_storage_topic: %s\n      status_storage_topic: %s\n      config_storage_topic: %s\n",
				side.Kafka().Bootstrap(), side.OffsetsTopic(), side.StatusTopic(), side.ConfigTopic())
		}
	}
	if err := os.WriteFile(s.clusters, []byte(text.String()), 0o644); err != nil {
		s.Fatal(err)
	}
}

// numbered is the config of the row's source, with settings over it.
func (s *scene) numbered(settings map[string]string) map[string]string {
	return lab.With(lab.NumberedSource(s.topic, s.tasks, 100), settings)
}

// begin runs the row's source on the origin until records flow.
func (s *scene) begin(settings map[string]string) {
	s.Helper()
	s.beginAs(s.numbered(settings))
}

func (s *scene) beginAs(config map[string]string) {
	s.Helper()
	s.config = lab.With(config, map[string]string{"secret": s.secret})
	s.created = time.Now()
	if err := s.origin.Run(s.Context(), s.connector, s.config); err != nil {
		s.Fatal(err)
	}
	s.flows(50)
	s.begun = time.Now()
}

// flush makes the origin commit its offsets, which it does by itself once a
// minute: a stop is what makes it.
func (s *scene) flush() {
	s.Helper()
	s.stop(s.origin, s.connector)
	s.resume(s.origin, s.connector)
	s.begun = time.Now()
}

// remove deletes the row's connectors, so that the next row has the machine.
func (s *scene) remove() {
	ctx := context.WithoutCancel(s.Context())
	for _, cluster := range s.lab.Connects() {
		client := cluster.Client().RetryFor(patience)
		names, err := client.Connectors(ctx)
		if err != nil {
			s.Errorf("clean up: %v", err)
			continue
		}
		for _, name := range names {
			own := name == s.connector || strings.HasPrefix(name, strings.ToLower(s.row.name))
			if !own || strings.Contains(name, "/") {
				continue // about a name with a slash Connect 4 answers nothing; it ends with the lab
			}
			if err := client.Delete(ctx, name); err != nil {
				s.Errorf("clean up: %v", err)
			}
		}
	}
}

// answer is what a run of ferry came to.
type answer struct {
	code   int
	result event.Result
	stderr string
}

func (a answer) first() event.ConnectorResult {
	if len(a.result.Connectors) == 0 {
		return event.ConnectorResult{Message: a.result.Message}
	}
	return a.result.Connectors[0]
}

// process is a run of ferry.
type process struct {
	s              *scene
	command        *exec.Cmd
	file           string
	stdout, stderr bytes.Buffer
	done           chan struct{}
	err            error
}

// launch starts ferry about the row's connector.
func (s *scene) launch(verb string, more ...string) *process {
	s.Helper()
	arguments := []string{verb, "--origin", s.origin.Name(), "--target", s.target.Name(), "--connector", s.connector}
	if s.targetName != s.connector {
		arguments = append(arguments, "--rename", s.connector+"="+s.targetName)
	}
	return s.launchAs(append(arguments, more...)...)
}

func (s *scene) launchAs(arguments ...string) *process {
	s.Helper()
	return s.launchPlain("json", arguments...)
}

// launchPlain starts ferry with a form of output.
func (s *scene) launchPlain(output string, arguments ...string) *process {
	s.Helper()
	p := &process{s: s, file: filepath.Join(s.TempDir(), "result.json"), done: make(chan struct{})}
	arguments = append(arguments, "--clusters", s.clusters, "--output", output, "--result", p.file)
	p.command = exec.CommandContext(s.Context(), s.binary, arguments...)
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	if arguments[0] == "rollback" {
		s.wentTo = true
	}
	if err := p.command.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		p.err = p.command.Wait()
		close(p.done)
	}()
	return p
}

// kill ends the process at once and returns when it is gone. It may have ended.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.done
}

// wait returns what the process came to by itself.
func (p *process) wait() answer {
	p.s.Helper()
	<-p.done
	code := 0
	if exited, ok := errors.AsType[*exec.ExitError](p.err); ok {
		code = exited.ExitCode()
	} else if p.err != nil {
		p.s.Fatal(p.err)
	}
	got := answer{code: code, stderr: p.stderr.String()}
	if err := json.Unmarshal(p.stdout.Bytes(), &got.result); err != nil && code >= 0 {
		p.s.Fatalf("exit code %d, stdout is not one JSON document: %v\n%s\n%s", code, err, p.stdout.String(), got.stderr)
	}
	p.s.keep(p)
	return got
}

// keep keeps what the process said, to look for the secret in it.
func (s *scene) keep(p *process) {
	file, err := os.ReadFile(p.file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, p.stdout.String(), p.stderr.String(), string(file))
}

// ferry runs a command about the row's connector to its end.
func (s *scene) ferry(verb string, more ...string) answer {
	s.Helper()
	return s.launch(verb, more...).wait()
}

// want fails the row if a run came to something else.
func (s *scene) want(got answer, code int, outcome event.Outcome) {
	s.Helper()
	if got.code != code || got.first().Outcome != outcome {
		s.Fatalf("exit code %d, %s; want %d, %s\n%s\n%s", got.code, got.first().Outcome, code, outcome, got.first().Message, got.stderr)
	}
	s.Logf("%s: %s", outcome, got.first().Message)
}

// flows waits until the topic holds more records than it does now.
func (s *scene) flows(more int64) { s.Helper(); s.flowsIn(s.topic, more) }

func (s *scene) flowsIn(topic string, more int64) {
	s.Helper()
	if err := s.flowsWithin(patience, topic, more); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) flowsWithin(limit time.Duration, topic string, more int64) error {
	begin := int64(-1)
	return wait.Until(s.Context(), "records in "+topic, limit, func(ctx context.Context) (bool, string, error) {
		tally, err := lab.Count(ctx, s.origin.Kafka().Bootstrap(), topic)
		if errors.Is(err, lab.ErrNoTopic) {
			begin = 0 // the first records make it, and may be all there are for a while
		}
		if err != nil {
			return false, err.Error(), nil
		}
		if begin < 0 {
			begin = tally.Records()
		}
		return tally.Records() >= begin+more, fmt.Sprintf("%d records", tally.Records()), nil
	})
}

// stop stops a connector, straight at the worker, and returns when its tasks are
// gone.
func (s *scene) stop(side *side, connector string) {
	s.Helper()
	client := side.Client().RetryFor(patience)
	rest := connect.Stopped
	err := client.Stop(s.Context(), connector)
	if connect.IsUnsupported(err) { // before 3.5
		rest = connect.Paused
		err = client.Pause(s.Context(), connector)
	}
	if err != nil {
		s.Fatal(err)
	}
	err = wait.Until(s.Context(), "end of the tasks", patience, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if err != nil {
			return false, "", err
		}
		ended := len(status.Tasks) == 0 || rest == connect.Paused && status.AllTasks(connect.Paused)
		return status.Connector.State == rest && ended, fmt.Sprint(status.Connector.State, status.Tasks), nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// resume resumes a connector, straight at the worker, and returns when it runs.
func (s *scene) resume(side *side, connector string) {
	s.Helper()
	client := side.Client().RetryFor(patience)
	if err := client.Resume(s.Context(), connector); err != nil {
		s.Fatal(err)
	}
	s.awaitRunning(side, connector)
}

func (s *scene) awaitRunning(side *side, connector string) {
	s.Helper()
	client := side.Client().RetryFor(patience)
	err := wait.Until(s.Context(), "the tasks to run", patience, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if err != nil {
			return false, "", err
		}
		return status.Connector.State == connect.Running && status.AllTasks(connect.Running), fmt.Sprint(status.Connector.State, status.Tasks), nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// state is the connector's on one side, "" if it does not exist there.
func (s *scene) state(side *side, connector string) connect.State {
	s.Helper()
	status, _ := s.status(side, connector)
	return status.Connector.State
}

// status is what one side tells of a connector. Whether it exists its config tells: a
// follower's last word of one that was deleted may still be its status.
func (s *scene) status(side *side, connector string) (status connect.Status, exists bool) {
	s.Helper()
	client := side.Client().RetryFor(patience)
	_, err := client.Config(s.Context(), connector)
	if err == nil {
		status, err = client.Status(s.Context(), connector)
	}
	if err != nil && !connect.IsNotFound(err) {
		s.Fatal(err)
	}
	return status, err == nil
}

// killWorker kills a worker and notes that its tasks are dead.
func (s *scene) killWorker(side *side, worker int) {
	s.Helper()
	if err := side.Worker(worker).Kill(); err != nil {
		s.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaths = append(s.deaths, death{at: time.Now(), worker: strings.TrimPrefix(side.Worker(worker).URL(), "http://")})
}

func (s *scene) startWorker(side *side, worker int) {
	s.Helper()
	if err := side.Worker(worker).Start(context.WithoutCancel(s.Context())); err != nil {
		s.Error(err)
	}
}
