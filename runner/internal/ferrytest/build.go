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
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// Build builds the runner, once a process, and returns its path. What go build writes is one
// file for each checkout: where nothing has changed, it leaves the file as it is. The path
// returned is of the content, so that a later build changes nothing for who runs this one.
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
	return pin(folder, binary)
})

// unused is after how long a pinned runner is removed: longer than any test runs.
const unused = 24 * time.Hour

// pin returns a path in folder that is of the content of binary and keeps it, whatever
// go build does to binary later. It is a hard link: go build replaces a file, and does not
// write into it. Paths that nobody asked for since long are removed.
func pin(folder, binary string) (string, error) {
	content, err := os.ReadFile(binary) // #nosec G304 -- what was built here
	if err != nil {
		return "", fmt.Errorf("ferrytest: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(folder, "*", "ferry"))
	if err != nil {
		return "", fmt.Errorf("ferrytest: %w", err)
	}
	sum := sha256.Sum256(content)
	pinned := filepath.Join(folder, fmt.Sprintf("%x", sum[:6]), "ferry")
	for _, path := range old {
		info, err := os.Stat(path)
		if err == nil && path != pinned && time.Since(info.ModTime()) > unused {
			err = os.RemoveAll(filepath.Dir(path))
		}
		if err != nil {
			return "", fmt.Errorf("ferrytest: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(pinned), 0o750); err != nil {
		return "", fmt.Errorf("ferrytest: %w", err)
	}
	if err := os.Link(binary, pinned); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("ferrytest: %w", err)
	}
	now := time.Now()
	if err := os.Chtimes(pinned, now, now); err != nil {
		return "", fmt.Errorf("ferrytest: %w", err)
	}
	return pinned, nil
}

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
