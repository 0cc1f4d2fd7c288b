package proof

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsComeOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{}
		attempt := func() *Attempt { return &Attempt{prover: &Prover{Turns: turns}} }
		first, second := attempt(), attempt()
		if err := first.takeTurn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := first.takeTurn(t.Context()); err != nil {
			t.Fatalf("a turn that one has already: %v", err)
		}
		reason := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(reason) })
		if err := second.takeTurn(ctx); !errors.Is(err, reason) {
			t.Fatalf("the second one had its turn beside the first: %v", err)
		}
		second.EndTurn() // has none, and must not end the other's
		time.AfterFunc(time.Minute, first.EndTurn)
		start := time.Now()
		if err := second.takeTurn(t.Context()); err != nil || time.Since(start) != time.Minute {
			t.Fatalf("%v, after %s", err, time.Since(start))
		}
		first.EndTurn()
		second.EndTurn()
	})
}

func TestTurnsAreSharedThroughAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "turn")
	first, second := &Turns{Shared: FileLock(file)}, &Turns{Shared: FileLock(file)}
	if err := first.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := second.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("another run had its turn at the same time: %v", err)
	}
	first.release()
	if err := second.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.release()
}

func TestTurnsDoWithoutAFile(t *testing.T) {
	turns := &Turns{Shared: FileLock(filepath.Join(t.TempDir(), "missing", "turn"))}
	if err := turns.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	turns.release()
}

func TestTurnsOfSeveralTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{Together: 2, Shared: FileLock(filepath.Join(t.TempDir(), "turn"))}
		other := &Turns{Shared: turns.Shared}
		for range 2 {
			if err := turns.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for name, blocked := range map[string]*Turns{"a third": turns, "another run": other} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := blocked.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s had its turn too: %v", name, err)
			}
			cancel()
		}
		turns.release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := other.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("another run had its turn beside the second: %v", err)
		}
		turns.release()
		if err := other.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		other.release()
	})
}
