package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// server answers as Kestra's webserver does by its API's specification, as far as this program
// asks. The real one is in no registry that CI reaches, so it was not compared with that.
type server struct {
	new bool // as 2.0 does

	mu      sync.Mutex
	states  []string
	answers map[string]string
	stale   int // how often the old state is still shown after an answer
}

// say adds a state.
func (s *server) say(state string) { s.states = append(s.states, state) }

func (s *server) execution() map[string]any {
	shown := s.states
	if s.stale > 0 {
		s.stale--
		shown = []string{"CREATED", "RUNNING", "PAUSED"}
	}
	run := map[string]any{"id": "run1", "taskId": "summary"}
	if !s.new {
		run["outputs"] = map[string]any{"value": "1 of 1 moved"}
	}
	return map[string]any{
		"id": "exec1", "state": map[string]any{"current": shown[len(shown)-1], "histories": shown},
		"outputs": map[string]any{"summary": "1 of 1 moved"}, "taskRunList": []any{run},
	}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != "ann" || password != "s3cret:with-a-colon" {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	resume := "POST /api/v1/main/executions/exec1/resume"
	if s.new {
		resume = "POST /api/v1/main/executions/exec1/actions/resume"
	}
	answer := func(value any) { _ = json.NewEncoder(w).Encode(value) }
	switch r.Method + " " + r.URL.Path {
	case "POST /api/v1/main/executions/connect.ferry/migrate-cluster":
		s.keep(r)
		s.say("CREATED")
		answer(s.execution())
	case "GET /api/v1/main/executions/exec1":
		if len(s.states) == 1 { // nobody follows: what it does next
			s.say("RUNNING")
			s.say("PAUSED")
		}
		answer(s.execution())
	case "GET /api/v1/main/executions/exec1/follow":
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: start\ndata: {}\n\n")
		if len(s.states) == 1 {
			s.say("RUNNING")
			first, _ := json.Marshal(s.execution())
			fmt.Fprintf(w, "id: progress\ndata: %s\n\n", first)
			s.say("PAUSED")
		}
		next, _ := json.Marshal(s.execution())
		fmt.Fprintf(w, "id: progress\ndata: %s\n\n", next) // and the stream ends, early or not
	case resume:
		s.keep(r)
		s.say("RUNNING")
		s.say("SUCCESS")
		s.stale = 2
	case "GET /api/v1/main/outputs/exec1/run1":
		if !s.new {
			http.NotFound(w, r)
			return
		}
		answer(map[string]any{"value": "1 of 1 moved"})
	default:
		http.NotFound(w, r)
	}
}

func (s *server) keep(r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return
	}
	s.answers = map[string]string{}
	for name := range r.MultipartForm.Value {
		s.answers[name] = r.FormValue(name)
	}
}

// call is a way to use the API: this program, or the script.
type call func(t *testing.T, url string, arguments ...string) (code int, printed string)

func byProgram(t *testing.T, url string, arguments ...string) (int, string) {
	t.Helper()
	var out strings.Builder
	kestra := &Kestra{URL: url, Tenant: "main", Namespace: "connect.ferry", User: "ann", Password: "s3cret:with-a-colon"}
	code, err := run(t.Context(), kestra, arguments, &out)
	if err != nil {
		t.Logf("api: %v", err)
	}
	return code, out.String()
}

func byScript(t *testing.T, url string, arguments ...string) (int, string) {
	t.Helper()
	for _, tool := range []string{"curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, so the script is not run", tool)
		}
	}
	command := exec.CommandContext(t.Context(), "sh", append([]string{"move.sh"}, arguments...)...)
	command.Env = append(os.Environ(), "KESTRA_URL="+url, "KESTRA_USER=ann:s3cret:with-a-colon")
	printed, _ := command.CombinedOutput()
	return command.ProcessState.ExitCode(), string(printed)
}

func TestBothVersions(t *testing.T) {
	for _, version := range []string{"1.3", "2.0"} {
		for name, call := range map[string]call{"program": byProgram, "script": byScript} {
			t.Run(version+" by the "+name, func(t *testing.T) {
				t.Parallel()
				s := &server{new: version == "2.0"}
				listening := httptest.NewServer(s)
				defer listening.Close()

				code, printed := call(t, listening.URL, "start", "migrate-cluster", "origin=global", "rules=@not a file")
				wantCall(t, code, printed, 3, "execution exec1", "PAUSED", "waits for an answer")
				if s.answers["origin"] != "global" || s.answers["rules"] != "@not a file" {
					t.Errorf("the inputs arrived as %v", s.answers)
				}
				// The old state is still shown for a moment, and is not taken for another question.
				code, printed = call(t, listening.URL, "resume", "exec1", "decision=APPROVE", "why=a=b; and more")
				wantCall(t, code, printed, 0, "SUCCESS", `"1 of 1 moved"`)
				if s.answers["decision"] != "APPROVE" || s.answers["why"] != "a=b; and more" {
					t.Errorf("the answers arrived as %v", s.answers)
				}
				code, printed = call(t, listening.URL, "resume", "another")
				if code == 0 || code == 3 {
					t.Errorf("exit code %d for an execution that is not there: %s", code, printed)
				}
			})
		}
	}
}

func wantCall(t *testing.T, code int, printed string, want int, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(printed, part) {
			t.Errorf("%q is missing in %s", part, printed)
		}
	}
	if code != want {
		t.Fatalf("exit code %d, expected %d: %s", code, want, printed)
	}
}

func TestTaskOutputs(t *testing.T) {
	for _, version := range []string{"1.3", "2.0"} {
		t.Run(version, func(t *testing.T) {
			listening := httptest.NewServer(&server{new: version == "2.0", states: []string{"CREATED", "SUCCESS"}})
			defer listening.Close()
			code, printed := byProgram(t, listening.URL, "outputs", "exec1", "summary")
			wantCall(t, code, printed, 0, `{"value":"1 of 1 moved"}`)
			if code, printed = byProgram(t, listening.URL, "outputs", "exec1", "nothing"); code != 1 || printed != "" {
				t.Errorf("exit code %d, %q, for a task that has not run", code, printed)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, arguments := range [][]string{{}, {"start"}, {"start", "flow", "input"}, {"stop", "it"}, {"outputs", "exec1"}} {
		if code, _ := byProgram(t, "http://127.0.0.1:9", arguments...); code != exitUsage {
			t.Errorf("%v: exit code %d, expected %d", arguments, code, exitUsage)
		}
	}
}
