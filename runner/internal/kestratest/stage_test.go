package kestratest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	runLimit = 3 * time.Minute
	waitTime = 30 * time.Second
	password = "p4ssw0rd-${env:HOME}-that-nobody-sees"
)

// stage is an engine and two Connect clusters in memory, global and europe, that
// share a Kafka. They are reached over HTTP, since the runner is a process.
type stage struct {
	*Engine
	kafka          *connecttest.Kafka
	global, europe *connecttest.Cluster
	// asked are the authorization headers that the cluster "guarded" was sent.
	asked *headers
}

type headers struct {
	mu   sync.Mutex
	seen []string
}

func (h *headers) add(value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, value)
}

func (h *headers) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen)
}

// versions are those to test: all, or the one that KESTRA names.
func versions(t *testing.T) []string {
	t.Helper()
	asked := os.Getenv("KESTRA")
	if asked == "" {
		return Versions
	}
	if !slices.Contains(Versions, asked) {
		t.Fatalf("KESTRA is %q, expected one of %s", asked, strings.Join(Versions, ", "))
	}
	return []string{asked}
}

func newStage(t *testing.T, version string) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // a first build downloads Kestra
	defer cancel()
	plugins, err := BuildPlugin(ctx)
	must(t, err)
	flows, err := Flows(version)
	must(t, err)
	engine, err := Start(ctx, Options{
		Version: version, Plugins: plugins, Flows: flows,
		Secrets: map[string]string{"CONNECT_PASSWORD": password},
		OnEvent: func(event Event) {
			if os.Getenv("KESTRA_EVENTS") != "" {
				line, _ := json.Marshal(event)
				t.Logf("%s", line)
			}
		},
	})
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })

	s := &stage{Engine: engine, kafka: connecttest.NewKafka(), asked: &headers{}}
	s.global, s.europe = s.cluster(t, "global"), s.cluster(t, "europe")
	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": map[string]any{
		"global":  map[string]any{"connect_url": []string{serve(t, s.global)}},
		"europe":  map[string]any{"connect_url": serve(t, s.europe)},
		"guarded": map[string]any{"connect_url": serve(t, s.guard()), "username": "ferry", "password": "${secret:CONNECT_PASSWORD}"},
		"gone":    map[string]any{"connect_url": "http://127.0.0.1:9"},
	}}))
	return s
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
		s.asked.add(r.Header.Get("Authorization"))
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

// source creates a running source on global and waits until it has committed offsets.
func (s *stage) source(t *testing.T, name string, settings map[string]string) {
	t.Helper()
	config := connecttest.SourceConfig(name, 2)
	for key, value := range settings {
		config = config.With(key, rawjson.String(value))
	}
	client := s.global.Client()
	must(t, client.Create(t.Context(), name, config, connect.Running))
	must(t, wait.Until(t.Context(), "offsets of "+name, waitTime, func(ctx context.Context) (bool, string, error) {
		s.global.Commit()
		document, err := client.Offsets(ctx, name)
		return err == nil && strings.Contains(string(document.Bytes()), "sequence"), "none yet", nil
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
