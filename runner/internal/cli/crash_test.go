package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// TestFaultOfFerry panics in a command and in one of several connectors: one
// line that tells no value, exit code 1, a result document, and the other
// connectors are not held up.
func TestFaultOfFerry(t *testing.T) {
	const planted = "planted-config"
	for name, do := range map[string]func(context.Context, *session) ([]event.ConnectorResult, error){
		"command": func(context.Context, *session) ([]event.ConnectorResult, error) { panic(errors.New(planted)) },
		"connector": func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			requests := []pair.Request{{Connector: "a"}, {Connector: "b"}}
			return s.each(ctx, requests, func(_ context.Context, request pair.Request) event.ConnectorResult {
				if request.Connector == "a" {
					panic(map[string]string{"password": planted})
				}
				return event.ConnectorResult{Connector: "b", Outcome: event.Moved, Message: "moved"}
			}), nil
		},
	} {
		for _, output := range []string{"text", "json", "kestra"} {
			t.Run(name+"/"+output, func(t *testing.T) {
				folder := t.TempDir()
				clusters, result := filepath.Join(folder, "clusters.yaml"), filepath.Join(folder, "result.json")
				if err := os.WriteFile(clusters, []byte("clusters: {a: {connect_url: http://127.0.0.1:1}}"), 0o600); err != nil {
					t.Fatal(err)
				}
				var stdout, stderr bytes.Buffer
				code := -1
				app := &ucli.App{Commands: []*ucli.Command{definition{name: "fail", do: do}.command(&stdout, &stderr, &code)}}
				if err := app.Run([]string{"ferry", "fail", "--clusters", clusters, "--output", output, "--result", result}); err != nil {
					t.Fatal(err)
				}
				document, err := os.ReadFile(result) // #nosec G304 -- our own
				if err == nil {
					err = schemas.Check(schemas.Result, document)
				}
				said := stdout.String() + stderr.String() + string(document)
				if code != exitFailed || err != nil || strings.Contains(said, planted) || !strings.Contains(said, crash.Report) {
					t.Errorf("exit code %d, %v: %s", code, err, said)
				}
				if name == "connector" && !strings.Contains(said, `"outcome": "moved"`) {
					t.Errorf("the other connector is held up: %s", said)
				}
			})
		}
	}
}

// TestFaultOutsideOfACommand panics where there is no result document yet.
func TestFaultOutsideOfACommand(t *testing.T) {
	app := &ucli.App{Action: func(*ucli.Context) error { panic("planted-config") }}
	err := recoveredRun(t.Context(), app, []string{"ferry"})
	if _, ok := errors.AsType[*crash.Error](err); !ok || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v", err)
	}
}
