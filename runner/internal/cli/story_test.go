package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// Secrets of the stories. Each is in one place only, so that a leak tells from where.
var planted = []string{"planted-login", "planted-bearer", "planted-config", "planted-set", "planted-hook"}

const topic = "numbers"

// stage is two Connect clusters on one Kafka, each worker behind a socket of its own.
type stage struct {
	kafka    *connecttest.Kafka
	clusters map[string]*connecttest.Cluster
	file     string // the clusters file
	nats     natsOf
}

// newStage starts the clusters and writes their clusters file into a folder.
func newStage(folder string, atEnd func(func())) (*stage, error) {
	s := &stage{kafka: connecttest.NewKafka(), clusters: map[string]*connecttest.Cluster{}, file: filepath.Join(folder, "clusters.yaml")}
	credentials := map[string]string{"global": "username: ferry, password: planted-login", "europe": "bearer_token: planted-bearer"}
	var text strings.Builder
	text.WriteString("clusters:\n")
	for name, credential := range credentials {
		cluster := connecttest.New(connecttest.WithKafka(s.kafka), connecttest.WithName(name), connecttest.WithWorkers(2))
		atEnd(cluster.Close)
		s.clusters[name] = cluster
		var urls []string
		for i := range cluster.URLs() {
			server := httptest.NewServer(cluster.Worker(i))
			atEnd(server.Close)
			urls = append(urls, server.URL)
		}
		fmt.Fprintf(&text, "  %s: {connect_url: [%s], %s}\n", name, strings.Join(urls, ", "), credential)
	}
	return s, os.WriteFile(s.file, []byte(text.String()), 0o600)
}

func (s *stage) create(ctx context.Context, cluster, connector string, state connect.State, settings []string) error {
	config := connecttest.SourceConfig(topic, 2).With("stream.prefix", rawjson.String(connector)).With("db.password", rawjson.String("planted-config"))
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		config = config.With(key, rawjson.String(value))
	}
	partitions := 2
	if listed := config.Text("streams"); listed != "" {
		partitions = strings.Count(listed, ",") + 1
	}
	if err := s.clusters[cluster].Client().Create(ctx, connector, config, state); err != nil {
		return err
	}
	if err := s.await(ctx, cluster, connector, state); err != nil || state != connect.Running {
		return err
	}
	// So that there are offsets to move, long before the flush interval.
	return wait.Until(ctx, "offsets of "+connector, 10*time.Second, func(ctx context.Context) (bool, string, error) {
		s.clusters[cluster].Commit()
		value, err := s.clusters[cluster].Client().Offsets(ctx, connector)
		return bytes.Count(value.Bytes(), []byte(`"partition"`)) == partitions, value.String(), err
	})
}

func (s *stage) await(ctx context.Context, cluster, connector string, state connect.State) error {
	return wait.Until(ctx, connector+" "+string(state)+" on "+cluster, 10*time.Second, func(ctx context.Context) (bool, string, error) {
		status, err := s.clusters[cluster].Client().Status(ctx, connector)
		if connect.IsNotFound(err) {
			return state == "ABSENT", "absent", nil
		}
		done := status.Connector.State == state && (state != connect.Running || status.AllTasks(connect.Running))
		return err == nil && done, fmt.Sprintf("%+v", status), err
	})
}

// leaked names the first secret that is in a text, in any form.
func leaked(text []byte) string {
	plants := secrettest.Plants{}
	for _, secret := range planted {
		plants[secret] = secret
	}
	for _, leak := range plants.Find("it", text) {
		return leak.Secret
	}
	return ""
}

var (
	stagesMutex sync.Mutex
	stages      = map[string]*stage{} // by the working directory of the story
)

func stageOf(ts *testscript.TestScript) *stage {
	stagesMutex.Lock()
	defer stagesMutex.Unlock()
	s := stages[ts.Getenv("WORK")]
	if s == nil {
		ts.Fatalf("the story does not begin with the command clusters")
	}
	return s
}

// startClusters: clusters
func startClusters(ts *testscript.TestScript, _ bool, _ []string) {
	s, err := newStage(ts.Getenv("WORK"), ts.Defer)
	ts.Check(err)
	stagesMutex.Lock()
	defer stagesMutex.Unlock()
	stages[ts.Getenv("WORK")] = s
	ts.Setenv("FERRY_CLUSTERS", s.file)
}

// createConnector: connector CLUSTER NAME STATE [KEY=VALUE...]
func createConnector(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(stageOf(ts).create(context.Background(), args[0], args[1], connect.State(args[2]), args[3:]))
}

// awaitState: state CLUSTER NAME STATE, which may be ABSENT
func awaitState(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(stageOf(ts).await(context.Background(), args[0], args[1], connect.State(args[2])))
}

// askConnector: ask CLUSTER NAME pause|resume|stop|delete|fail|mend|commit
func askConnector(ts *testscript.TestScript, _ bool, args []string) {
	cluster, ctx := stageOf(ts).clusters[args[0]], context.Background()
	client := cluster.Client()
	switch args[2] {
	case "pause":
		ts.Check(client.Pause(ctx, args[1]))
	case "resume":
		ts.Check(client.Resume(ctx, args[1]))
	case "stop":
		ts.Check(client.Stop(ctx, args[1]))
	case "delete":
		ts.Check(client.Delete(ctx, args[1]))
	case "fail":
		cluster.FailStarts(args[1], "java.sql.SQLException: login\n\twith planted-config refused")
	case "commit": // of all connectors
		cluster.Commit()
	case "mend":
		cluster.FailStarts(args[1], "")
	default:
		ts.Fatalf("cannot ask to %s", args[2])
	}
}

// answerWith: answer CLUSTER METHOD PATHEND STATUS MESSAGE, or answer CLUSTER for no more
func answerWith(ts *testscript.TestScript, _ bool, args []string) {
	cluster := stageOf(ts).clusters[args[0]]
	if len(args) == 1 {
		cluster.Intercept(nil)
		return
	}
	cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != args[1] || !strings.HasSuffix(r.URL.Path, args[2]) {
			next.ServeHTTP(w, r)
			return
		}
		var status int
		_, _ = fmt.Sscan(args[3], &status)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error_code":%d,"message":%q}`, status, args[4]+"\n with "+r.Header.Get("Authorization"))
	})
}

// countRecords: exact, nothing missing, nothing twice, no two copies at once
func countRecords(ts *testscript.TestScript, _ bool, _ []string) {
	s := stageOf(ts)
	if count := s.kafka.Count(topic); count.Records == 0 || count.Missing != 0 || count.Duplicated != 0 {
		ts.Fatalf("%+v", count)
	}
	if overlaps := s.kafka.Overlaps(); len(overlaps) > 0 && overlaps[0].A.Connector == overlaps[0].B.Connector {
		ts.Fatalf("both copies ran: %+v", overlaps)
	}
}

// checkResult: schema FILE
func checkResult(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(schemas.Check(schemas.Result, []byte(ts.ReadFile(args[0]))))
}

// checkPlan: planned FILE
func checkPlan(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(schemas.Check(schemas.Plan, []byte(ts.ReadFile(args[0]))))
}

// reconfigure: reconfigure CLUSTER NAME KEY=VALUE
func reconfigure(ts *testscript.TestScript, _ bool, args []string) {
	client, ctx := stageOf(ts).clusters[args[0]].Client(), context.Background()
	settings, err := client.Config(ctx, args[1])
	ts.Check(err)
	key, value, _ := strings.Cut(args[2], "=")
	ts.Check(client.PutConfig(ctx, args[1], settings.With(key, rawjson.String(value))))
}

// findNoSecret: nosecret FILE..., with stdout and stderr for the last command's
func findNoSecret(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		if secret := leaked([]byte(ts.ReadFile(file))); secret != "" {
			ts.Fatalf("%s holds %s", file, secret)
		}
	}
}

// TestInterrupt sends a signal while a move waits for a poll to end: the
// connector is put back, the exit code is 130, and nothing tells a secret, not
// even the process itself.
func TestInterrupt(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		for _, output := range []string{"text", "json", "kestra"} {
			t.Run(fmt.Sprintf("%s/%s", signal, output), func(t *testing.T) {
				t.Parallel()
				interrupt(t, signal, output)
			})
		}
	}
}

func interrupt(t *testing.T, signal os.Signal, output string) {
	folder := t.TempDir()
	s, err := newStage(folder, t.Cleanup)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.create(t.Context(), "global", "orders", connect.Running, []string{"poll.block.ms=2000"}); err != nil {
		t.Fatal(err)
	}
	request, result := filepath.Join(folder, "request.json"), filepath.Join(folder, "result.json")
	content := fmt.Sprintf(`{"clusters":%q,"origin":"global","target":"europe","connector":"orders","set":{"db.password":"planted-set"},"output":%q,"result":%q}`,
		s.file, output, result)
	if err := os.WriteFile(request, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	paused := make(chan struct{})
	s.clusters["global"].Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		if strings.HasSuffix(r.URL.Path, "/pause") {
			close(paused)
		}
	})
	var said bytes.Buffer
	ferry := &exec.Cmd{Path: executable, Args: []string{"ferry", "move", "--request", request}, Dir: folder, Stdout: &said, Stderr: &said}
	if err := ferry.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-paused:
	case <-time.After(20 * time.Second):
		_ = ferry.Process.Kill()
		_ = ferry.Wait()
		t.Fatalf("no pause: %s", said.String())
	}
	var visible []byte
	for _, file := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", ferry.Process.Pid, file)) // #nosec G304 -- of our own child
		if err != nil {
			t.Error(err)
		}
		visible = append(visible, content...)
	}
	if err := ferry.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = ferry.Wait()
	if code := ferry.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, said.String())
	}
	for cluster, state := range map[string]connect.State{"global": connect.Running, "europe": "ABSENT"} {
		if err := s.await(t.Context(), cluster, "orders", state); err != nil {
			t.Error(err)
		}
	}
	document, err := os.ReadFile(result) // #nosec G304 -- our own
	if err == nil {
		err = schemas.Check(schemas.Result, document)
	}
	if err != nil || !bytes.Contains(document, []byte(`"outcome": "interrupted"`)) || !bytes.Contains(document, []byte("orders is on global as before")) {
		t.Errorf("result %s, %v", document, err)
	}
	if secret := leaked(append(append(visible, said.Bytes()...), document...)); secret != "" {
		t.Errorf("%s is told: %s", secret, said.String())
	}
	if output == "kestra" {
		for lines := bufio.NewScanner(&said); lines.Scan(); {
			if line := lines.Text(); !strings.HasPrefix(line, "::{") || !strings.HasSuffix(line, "}::") {
				t.Errorf("no marker: %s", line)
			}
		}
	}
}
