package ferrytest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Hazards run for half an hour, and somebody may run other tests of a changed checkout meanwhile.
func TestALaterBuildLeavesTheRunnerOfAnEarlierOne(t *testing.T) {
	folder := t.TempDir()
	// build replaces the file, as go build does.
	build := func(content string) string {
		t.Helper()
		fresh, binary := filepath.Join(folder, "fresh"), filepath.Join(folder, "ferry")
		if err := os.WriteFile(fresh, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, binary); err != nil {
			t.Fatal(err)
		}
		path, err := pin(folder, binary)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	holds := func(path, want string) {
		t.Helper()
		if content, err := os.ReadFile(path); err != nil || string(content) != want {
			t.Errorf("%s holds %q, %v; want %q", path, content, err, want)
		}
	}

	first := build("first")
	second := build("second")
	holds(first, "first")
	holds(second, "second")
	if again := build("first"); again != first {
		t.Errorf("the same content is at %s and at %s", first, again)
	}

	long := time.Now().Add(-2 * unused)
	if err := os.Chtimes(second, long, long); err != nil {
		t.Fatal(err)
	}
	build("third")
	holds(first, "first")
	if _, err := os.Stat(second); !os.IsNotExist(err) {
		t.Errorf("what nobody used for two days is there still: %v", err)
	}
}
