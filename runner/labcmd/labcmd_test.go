package labcmd

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test binary be the process that a lab belongs to, as up
// starts its own executable.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"none", nil, exitOK, "go run ./examples/lab up"},
		{"help", []string{"--help"}, exitOK, "--connect NAMES"},
		{"help of a command", []string{"up", "--help"}, exitOK, "--connect NAMES"},
		{"unknown command", []string{"start"}, exitUsage, `no command "start"`},
		{"unknown flag", []string{"up", "--clusters", "a"}, exitUsage, "-clusters"},
		{"positional", []string{"down", "now"}, exitUsage, `not "now"`},
		{"bad name", []string{"up", "--connect", "a,B"}, exitUsage, `"B" is no name`},
		{"same name twice", []string{"up", "--connect", "a,a"}, exitUsage, "twice"},
		{"empty name", []string{"up", "--connect", ""}, exitUsage, "is no name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, output := call(t, test.args...)
			if code != test.code || !strings.Contains(output, test.says) {
				t.Errorf("exit code %d, want %d, output without %q:\n%s", code, test.code, test.says, output)
			}
		})
	}
}

func TestNothingUp(t *testing.T) {
	state := []string{"--state", t.TempDir()}
	for command, want := range map[string]int{"status": exitFailed, "count": exitFailed, "down": exitOK} {
		code, output := call(t, append([]string{command}, state...)...)
		if code != want || !strings.Contains(output, "none is up") {
			t.Errorf("%s: exit code %d, want %d and 'none is up':\n%s", command, code, want, output)
		}
	}
}

func TestUpAndDown(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a lab of real Kafka clusters, and -short is for tests that need nothing")
	}
	state := []string{"--state", t.TempDir()}
	must := func(want int, says string, args ...string) {
		t.Helper()
		code, output := call(t, append(args, state...)...)
		if code != want || !strings.Contains(output, says) {
			t.Fatalf("%v: exit code %d, want %d, output with %q:\n%s", args, code, want, says, output)
		}
	}
	t.Cleanup(func() { call(t, append([]string{"down"}, state...)...) })
	must(exitOK, "clusters.yaml", "up", "--connect", "global")
	must(exitFailed, "up already", "up", "--connect", "global")
	must(exitOK, "http://127.0.0.1:", "status")
	must(exitOK, "numbered-1", "count")
	must(exitUsage, `no Kafka cluster "elsewhere"`, "count", "--kafka", "elsewhere")
	must(exitOK, "ended, process", "down")
	must(exitFailed, "none is up", "status")
}

func call(t *testing.T, args ...string) (code int, output string) {
	var both bytes.Buffer
	code = Main(context.WithoutCancel(t.Context()), args, &both, &both)
	return code, both.String()
}
