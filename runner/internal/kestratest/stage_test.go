package kestratest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	runLimit = 3 * time.Minute
	waitTime = 2 * time.Minute // on a machine that does a lot besides
	password = "p4ssw0rd-${env:HOME}-that-nobody-sees"
)

// stage is an engine and two Connect clusters in memory, global and europe, that
// share a Kafka. They are reached over HTTP, since the runner is a process.
type stage struct {
	*Engine
	kafka          *connecttest.Kafka
	global, europe *connecttest.Cluster
	webhook        *webhook
	heard          map[string]*notes // what the channels of the namespace told were sent, by their names
	// said is everything the engine said.
	said *notes
	// clusters are those of the KV entry, by name.
	mu       sync.Mutex
	clusters map[string]any
}

// notes are lines that several goroutines write.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

// keep answers a webhook.
func (n *notes) keep(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.add(string(body))
}

// webhook keeps the bodies it was sent, and refuses them when told to.
type webhook struct {
	url    string
	bodies notes
}

func newWebhook(t *testing.T) *webhook {
	t.Helper()
	hook := &webhook{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook", hook.bodies.keep)
	mux.HandleFunc("POST /webhook.office.com", hook.bodies.keep) // told from others by what its URL contains
	mux.HandleFunc("POST /broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	hook.url = serve(t, mux)
	return hook
}

// versions are those to test: all, or the one that KESTRA names.
func versions(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		t.Skip("short: this starts a Kestra engine")
	}
	asked := os.Getenv("KESTRA")
	if asked == "" {
		return Versions
	}
	if !slices.Contains(Versions, asked) {
		t.Fatalf("KESTRA is %q, expected one of %s", asked, strings.Join(Versions, ", "))
	}
	return []string{asked}
}

// plugins returns the folder with the plugin's jar, built once for all tests.
func plugins(t *testing.T) string {
	t.Helper()
	folder, err := pluginOnce()
	must(t, err)
	return folder
}

var pluginOnce = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a first build downloads Kestra
	defer cancel()
	return BuildPlugin(ctx)
})

func newStage(t *testing.T, version string) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // a first build downloads Kestra
	defer cancel()
	flows, err := Flows(version)
	must(t, err)
	flows[0] = hastened(t, flows[0])
	flows = append(flows, "testdata/flows", "testdata/link")
	flows = append(flows, exampleFlows(t, version)...)
	s := stageOf(ctx, t, Options{
		Version: version, Plugins: plugins(t), Flows: append(append(flows, notifyElsewhere(t)...), flowsAfar(t, flows[0], flows[1])), URL: kestraURL,
		Secrets: map[string]string{"CONNECT_PASSWORD": password, "DEAD_WEBHOOK": deadHook, "MOVE_WEBHOOK_KEY": webhookKey},
	})
	s.listenOnChannels(ctx, t)
	return s
}

// hastened returns a copy of the flows in which reminders are looked after all the time.
func hastened(t *testing.T, flows string) string {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob(filepath.Join(flows, "*.yaml"))
	must(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		if filepath.Base(file) == "remind-owner.yaml" {
			slow := content
			if content = bytes.Replace(slow, []byte("interval: PT10M\n"), []byte("interval: PT2S\n"), 1); bytes.Equal(content, slow) {
				t.Fatalf("%s does not look every ten minutes", file)
			}
		}
		must(t, os.WriteFile(filepath.Join(folder, filepath.Base(file)), content, 0o600))
	}
	return folder
}

func stageOf(ctx context.Context, t *testing.T, options Options) *stage {
	t.Helper()
	said := &notes{}
	options.OnEvent = func(event Event) {
		line, _ := json.Marshal(event)
		said.add(string(line))
	}
	engine, err := Start(ctx, options)
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })

	s := &stage{Engine: engine, kafka: connecttest.NewKafka(), webhook: newWebhook(t), said: said}
	s.global, s.europe = s.cluster(t, "global"), s.cluster(t, "europe")
	s.addClusters(t, map[string]any{
		"global":  map[string]any{"connect_url": []string{serve(t, s.global)}},
		"europe":  map[string]any{"connect_url": serve(t, s.europe)},
		"guarded": map[string]any{"connect_url": serve(t, s.guard()), "username": "ferry", "password": "${secret:CONNECT_PASSWORD}"},
		"gone":    map[string]any{"connect_url": "http://127.0.0.1:9"},
	})
	return s
}

// addClusters adds to the clusters that the flows know.
func (s *stage) addClusters(t *testing.T, more map[string]any) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clusters == nil {
		s.clusters = map[string]any{}
	}
	maps.Copy(s.clusters, more)
	must(t, s.SetKV(t.Context(), "connect_clusters", map[string]any{"clusters": s.clusters}))
}

func (s *stage) cluster(t *testing.T, name string) *connecttest.Cluster {
	t.Helper()
	cluster := connecttest.New(connecttest.WithKafka(s.kafka), connecttest.WithName(name))
	t.Cleanup(cluster.Close)
	return cluster
}

// guard is europe behind a password.
func (s *stage) guard() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, given, _ := r.BasicAuth()
		if user != "ferry" || given != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.europe.ServeHTTP(w, r)
	})
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// source creates a running source on global.
func (s *stage) source(t *testing.T, name string, settings map[string]string) {
	t.Helper()
	source(t, s.global, name, settings)
}

// source creates a running source and waits until it has committed offsets.
func source(t *testing.T, cluster *connecttest.Cluster, name string, settings map[string]string) {
	t.Helper()
	config := connecttest.SourceConfig(name, 2)
	for key, value := range settings {
		config = config.With(key, rawjson.String(value))
	}
	client := cluster.Client()
	must(t, client.Create(t.Context(), name, config, connect.Running))
	must(t, wait.Until(t.Context(), "offsets of "+name, waitTime, func(ctx context.Context) (bool, string, error) {
		cluster.Commit()
		document, err := client.Offsets(ctx, name)
		return err == nil && strings.Contains(string(document.Bytes()), "sequence"), "none yet", nil
	}))
}

// awaitProgress waits until a connector has committed other offsets than these.
func awaitProgress(t *testing.T, cluster *connecttest.Cluster, connector, than string) {
	t.Helper()
	must(t, wait.Until(t.Context(), connector+" to go on", waitTime, func(ctx context.Context) (bool, string, error) {
		cluster.Commit()
		document, err := cluster.Client().Offsets(ctx, connector)
		return err == nil && string(document.Bytes()) != than, "the same offsets", nil
	}))
}

func (s *stage) run(t *testing.T, flow string, inputs map[string]any) Execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	execution, err := s.Run(ctx, flow, inputs)
	must(t, err)
	return execution
}

func (s *stage) form(t *testing.T, flow string, inputs map[string]any) map[string]Field {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	shown, err := s.Form(ctx, flow, inputs)
	must(t, err)
	return shown
}

// follow follows an execution that another one began.
func (s *stage) follow(t *testing.T, execution string) *Run {
	t.Helper()
	run, err := s.FollowID(execution)
	must(t, err)
	return run
}

// on returns the state of a connector on a cluster, "" if it is not there.
func on(t *testing.T, cluster *connecttest.Cluster, connector string) connect.State {
	t.Helper()
	status, err := cluster.Client().Status(t.Context(), connector)
	if connect.IsNotFound(err) {
		return ""
	}
	must(t, err)
	return status.Connector.State
}

// runsAgain waits until a connector runs with all its tasks.
func runsAgain(t *testing.T, cluster *connecttest.Cluster, connector string) {
	t.Helper()
	must(t, wait.Until(t.Context(), connector+" to run", waitTime, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, connector)
		if connect.IsNotFound(err) {
			return false, "no worker has taken it on", nil
		}
		return err == nil && status.Connector.State == connect.Running && len(status.Tasks) == 2, string(status.Connector.State), err
	}))
}

// exactlyOnce checks that no number of the connector's streams is missing or
// was sent twice.
func (s *stage) exactlyOnce(t *testing.T, topic string) {
	t.Helper()
	if count := s.kafka.Count(topic); count.Records == 0 || count.Missing != 0 || count.Duplicated != 0 {
		t.Errorf("topic %s: %+v, expected records, none missing, none duplicated", topic, count)
	}
}

func wantState(t *testing.T, x Execution, state string) {
	t.Helper()
	if x.State != state {
		t.Fatalf("%s ended %s, expected %s; its outputs: %s; its log:\n%s", x.Flow, x.State, state, x.Outputs, x.Text())
	}
}

func wantText(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
