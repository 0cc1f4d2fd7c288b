// Package ferrytest is the built runner, for tests that run it as its users do.
//
// [Binary] builds it once for all test packages of a machine, [Run] runs a command and
// holds its result document against the schema, and everything that it left behind
// against the secrets that the test has planted.
package ferrytest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const runner = "github.com/connect-ferry/connect-ferry/runner"

// Binary returns the path of the built runner.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := Build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Build builds the runner, once a process, and returns its path. The file is one for each
// checkout: where nothing has changed, go build leaves it as it is.
var Build = sync.OnceValues(func() (string, error) {
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ferrytest: go env GOMOD: %w", err)
	}
	checkout := sha256.Sum256([]byte(strings.TrimSpace(string(module))))
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("ferry-test-%d-%x", os.Getuid(), checkout[:6]))
	unlock, err := Lock(filepath.Join(folder, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	binary := filepath.Join(folder, "ferry")
	output, err := exec.Command("go", "build", "-o", binary, runner).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ferrytest: go build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return binary, nil
})

// Lock takes the lock that is the file at path, when no other process has it. It ends
// with unlock, or with this process.
func Lock(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("ferrytest: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- a path of the tests
	if err != nil {
		return nil, fmt.Errorf("ferrytest: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("ferrytest: lock %s: %w", path, err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
