package kestratest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWithoutPlugin moves connectors by the flow of examples/without-plugin, in an engine
// that does not have the plugin, and in the image of the Dockerfile.
func TestWithoutPlugin(t *testing.T) {
	for _, version := range versions(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			image := buildImage(t)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // a first build downloads Kestra
			defer cancel()
			s := stageOf(ctx, t, Options{Version: version, Flows: []string{scripted(t, image)}})
			must(t, s.SetKV(ctx, "connect_clusters", map[string]any{"clusters": map[string]any{
				"global": map[string]any{"connect_url": serve(t, s.global)},
				"europe": map[string]any{"connect_url": serve(t, s.europe)},
			}}))

			s.source(t, "kept", nil)
			x := s.byScript(t, "kept", "KEEP")
			wantState(t, x, "SUCCESS")
			wantScripted(t, x, "moved")
			runsAgain(t, s.europe, "kept")
			s.exactlyOnce(t, "kept")

			s.source(t, "taken-back", nil)
			x = s.byScript(t, "taken-back", "ROLL_BACK")
			wantState(t, x, "SUCCESS")
			wantScripted(t, x, "rolled_back")
			runsAgain(t, s.global, "taken-back")
			s.exactlyOnce(t, "taken-back")

			s.source(t, "script-killed", slow)
			run, err := s.Begin("move-by-script", map[string]any{"connector": "script-killed", "origin": "global", "target": "europe"})
			must(t, err)
			s.awaitPaused(t, "script-killed")
			must(t, run.Kill(ctx))
			wantState(t, s.wait(t, run), "KILLED")
			s.isBack(t, "script-killed")

			// A quote in a name ends no command.
			for _, name := range []string{"nobody", `no"body'; echo planted`} {
				x = s.run(t, "move-by-script", map[string]any{"connector": name, "origin": "global", "target": "europe"})
				wantState(t, x, "FAILED")
				wantScripted(t, x, "refused")
				wantText(t, "log", x.Text(), "does not exist on global")
				if strings.Contains(x.Text(), "INFO  move-by-script/check planted") {
					t.Errorf("the name %s was run as a command:\n%s", name, x.Text())
				}
			}
		})
	}
}

// scripted returns a folder with the example, made to use an image that no registry has and
// clusters on this machine.
func scripted(t *testing.T, image string) string {
	t.Helper()
	root, err := Root()
	must(t, err)
	content, err := os.ReadFile(filepath.Join(root, "examples", "without-plugin", "move-by-script.yaml"))
	must(t, err)
	folder, text := t.TempDir(), string(content)
	const runner = "      type: io.kestra.plugin.scripts.runner.docker.Docker\n"
	for old, replacement := range map[string]string{
		"image: connectferry/ferry:0.1.0\n": "image: " + image + "\n",
		runner:                              runner + "      pullPolicy: NEVER\n      networkMode: host\n",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("the example lacks %q", old)
		}
		text = strings.ReplaceAll(text, old, replacement)
	}
	must(t, os.WriteFile(filepath.Join(folder, "move-by-script.yaml"), []byte(text), 0o600))
	return folder
}

// byScript runs the example and answers what it asks.
func (s *stage) byScript(t *testing.T, connector, decision string) Execution {
	t.Helper()
	run, err := s.Begin("move-by-script", map[string]any{"connector": connector, "origin": "global", "target": "europe"})
	must(t, err)
	paused, err := run.Paused(t.Context(), "move-by-script", waitTime)
	must(t, err)
	runsAgain(t, s.europe, connector)
	must(t, s.Resume(t.Context(), paused, map[string]any{"decision": decision, "who": "Ann"}))
	return s.wait(t, run)
}

func wantScripted(t *testing.T, x Execution, outcome string) {
	t.Helper()
	var outputs struct{ Outcome, Message string }
	must(t, json.Unmarshal(x.Outputs, &outputs))
	if outputs.Outcome != outcome || outputs.Message == "" {
		t.Errorf("outputs %s, expected the outcome %s", x.Outputs, outcome)
	}
}
