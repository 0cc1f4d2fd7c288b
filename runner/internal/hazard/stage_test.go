package hazard

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// stage is a lab that rows have in common. Only one runs at a time.
type stage int

const (
	// plain is global and europe on the Kafka central.
	plain stage = iota
)

var stages = []stage{plain}

// builtIn is the folder of the built runner.
var builtIn atomic.Pointer[string]

func (s stage) config() lab.Config {
	return lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central", Workers: *workers},
			{Name: "europe", Kafka: "central", Workers: *workers},
		},
	}
}

func (s stage) versions() string { return lab.KafkaVersion }

// current is the lab that runs.
var current struct {
	stage stage
	lab   *lab.Lab
}

// enter returns the stage's lab, after it has closed that of another.
func enter(t *testing.T, wanted stage) *lab.Lab {
	t.Helper()
	if current.lab != nil && current.stage == wanted {
		return current.lab
	}
	if err := leave(); err != nil {
		t.Fatal(err)
	}
	config := wanted.config()
	config.Progress = os.Stderr
	started, err := lab.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	current.stage, current.lab = wanted, started
	return started
}

func leave() error {
	if current.lab == nil {
		return nil
	}
	closing := current.lab
	current.lab = nil
	return closing.Close()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if current.lab != nil && code != 0 {
		current.lab.Keep()
		fmt.Fprintln(os.Stderr, "hazard: the logs stay in", current.lab.LogDir())
	}
	if err := leave(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if dir := builtIn.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
	os.Exit(code)
}

// ferryBinary builds the runner, once.
var ferryBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ferry-hazard-")
	if err != nil {
		return "", err
	}
	builtIn.Store(&dir)
	binary := filepath.Join(dir, "ferry")
	output, err := exec.Command("go", "build", "-o", binary, "github.com/connect-ferry/connect-ferry/runner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return binary, nil
})
