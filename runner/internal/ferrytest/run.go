package ferrytest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// Answer is what a run of ferry came to.
type Answer struct {
	Code           int
	Result         event.Result
	Stdout, Stderr string
	Took           time.Duration
}

// Command returns a command of the built runner that writes its result document to a
// file of the test's own, and that file.
func Command(t testing.TB, arguments ...string) (command *exec.Cmd, result string) {
	t.Helper()
	result = filepath.Join(t.TempDir(), "result.json")
	return exec.CommandContext(t.Context(), Binary(t), append(arguments, "--result", result)...), result
}

// Run runs a command to its end. It checks the result document by its schema, and looks
// for planted secrets in its arguments and environment, in what it printed and in the
// folder of the result.
func Run(t testing.TB, plants secrettest.Plants, arguments ...string) Answer {
	t.Helper()
	command, result := Command(t, arguments...)
	command.Dir = filepath.Dir(result) // where it may leave something
	began := time.Now()
	code, stdout, stderr := plants.Run(t, command)
	answer := Answer{Code: code, Stdout: stdout, Stderr: stderr, Took: time.Since(began)}
	plants.Search(t, filepath.Dir(result))
	document, err := os.ReadFile(result) // #nosec G304 -- the test's own
	if err == nil {
		err = schemas.Check(schemas.Result, document)
	}
	if err == nil {
		err = json.Unmarshal(document, &answer.Result)
	}
	if err != nil {
		t.Fatalf("result: %v\n%s%s", err, stdout, stderr)
	}
	return answer
}

// Only runs a command about one connector, whose result it returns with the exit code.
func Only(t testing.TB, plants secrettest.Plants, arguments ...string) (event.ConnectorResult, Answer) {
	t.Helper()
	answer := Run(t, plants, arguments...)
	if len(answer.Result.Connectors) != 1 {
		t.Fatalf("a result of %d connectors: %s\n%s", len(answer.Result.Connectors), answer.Stdout, answer.Stderr)
	}
	return answer.Result.Connectors[0], answer
}
