package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestStreamOf(t *testing.T) {
	for _, test := range []struct {
		name string
		seen map[int64]int64
		want Stream
	}{
		{"whole", map[int64]int64{0: 1, 1: 1, 2: 1}, Stream{Records: 3, First: 0, Last: 2}},
		{"one", map[int64]int64{7: 1}, Stream{Records: 1, First: 7, Last: 7}},
		{"gaps", map[int64]int64{3: 1, 5: 1, 9: 1}, Stream{Records: 3, Lost: 4, First: 3, Last: 9}},
		{"repeated", map[int64]int64{0: 2, 1: 3}, Stream{Records: 5, Duplicated: 3, First: 0, Last: 1}},
		{"beyond float64", map[int64]int64{9007199254740992: 1, 9007199254740993: 1},
			Stream{Records: 2, First: 9007199254740992, Last: 9007199254740993}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := streamOf(test.seen); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestTake(t *testing.T) {
	r := &reader{next: map[int32]int64{}, streams: map[string]map[int64]int64{}}
	for i, record := range []*kgo.Record{
		{Key: []byte("a"), Value: []byte("41")},
		{Value: []byte("b 42")},
		{Key: []byte("a"), Value: []byte("41")},
	} {
		record.Offset = int64(i)
		if err := r.take(record); err != nil {
			t.Fatal(err)
		}
	}
	if r.streams["a"][41] != 2 || r.streams["b"][42] != 1 || r.next[0] != 3 {
		t.Errorf("took %v up to %v", r.streams, r.next)
	}
	if err := r.take(&kgo.Record{Key: []byte("a"), Value: []byte("x")}); err == nil || !strings.Contains(err.Error(), "not numbered") {
		t.Errorf("a record without a number: %v", err)
	}
}

func TestCached(t *testing.T) {
	t.Setenv(CacheVariable, t.TempDir())
	failure := errors.New("no network")
	if _, err := cached(t.Context(), "x", func(string) error { return failure }); !errors.Is(err, failure) {
		t.Fatalf("a failed filling says %v", err)
	}
	var fillings atomic.Int32
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			folder, err := cached(t.Context(), "x", func(dir string) error {
				fillings.Add(1)
				return os.WriteFile(filepath.Join(dir, "content"), []byte("whole"), 0o644)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if content, err := os.ReadFile(filepath.Join(folder, "content")); err != nil || string(content) != "whole" {
				t.Errorf("content is %q, %v", content, err)
			}
		})
	}
	group.Wait()
	if fillings.Load() != 1 {
		t.Errorf("filled %d times, want once", fillings.Load())
	}
}

func TestMissingTools(t *testing.T) {
	t.Setenv(CacheVariable, t.TempDir())
	t.Setenv("JAVA_HOME", "")
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	if _, err := Start(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "install a JDK") {
		t.Errorf("without java: %v", err)
	}
	if err := os.WriteFile(filepath.Join(empty, "java"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "install Maven") {
		t.Errorf("without mvn: %v", err)
	}
}

func TestUnknownKafka(t *testing.T) {
	lab := &Lab{kafkas: map[string]*Kafka{}}
	_, err := lab.newConnect(t.Context(), ConnectSpec{Name: "a", Kafka: "b"})
	if err == nil || !strings.Contains(err.Error(), `no Kafka cluster "b"`) {
		t.Errorf("error is %v", err)
	}
}

func TestCountLines(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
	for file, text := range map[string]string{first: "0\n1\n3\n", second: "5\n3\n7\n8"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := CountLines(first, second, filepath.Join(folder, "none"))
	if want := (Stream{Records: 6, Duplicated: 1, Lost: 3, First: 0, Last: 7}); err != nil || got != want {
		t.Errorf("%+v, %v, expected %+v", got, err, want)
	}
	if err := os.WriteFile(first, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CountLines(first); err == nil {
		t.Error("a line that is no number was counted")
	}
}
