// Package labtest gives the tests of a package one lab to share, as a lab takes
// longer to start than most tests take to run.
//
//	func TestMain(m *testing.M) {
//		labtest.Main(m, lab.Config{Kafka: …, Connect: …})
//	}
//
//	func TestMove(t *testing.T) {
//		l := labtest.Lab(t)
//		…
//	}
package labtest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

var (
	config lab.Config
	shared = sync.OnceValues(func() (*lab.Lab, error) {
		l, err := lab.Start(context.Background(), config)
		if err == nil {
			running.Store(l)
		}
		return l, err
	})
	running atomic.Pointer[lab.Lab]
)

// Main runs the tests of a package and closes the lab, if one was started. It
// exits, with the tests' code. It is for TestMain.
func Main(m *testing.M, c lab.Config) {
	config = c
	if config.Progress == nil {
		config.Progress = os.Stderr
	}
	code := m.Run()
	if l := running.Load(); l != nil {
		if code != 0 {
			l.Keep()
			fmt.Fprintf(os.Stderr, "lab: the logs stay in %s\n", l.LogDir())
		}
		if err := l.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Lab returns the lab, started by the first test that asks. With -short it skips
// the test, saying why.
func Lab(t testing.TB) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a lab of real Kafka clusters, and -short is for tests that need nothing")
	}
	l, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Name returns a name of the test's own, fit for connectors, topics and files.
func Name(t testing.TB) string {
	return strings.ToLower(strings.NewReplacer("/", "-", "_", "-", " ", "-").Replace(t.Name()))
}
