package history_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// short is a TTL that tests can wait for.
const short = 1500 * time.Millisecond

// TestKilledHolder kills a run at different requests of its move and cuts it off from
// NATS, so that it neither releases its lease nor publishes anything more. The next run
// is refused until the lease expires, takes over, and finishes the move. The history is
// one story, with each step once.
func TestKilledHolder(t *testing.T) {
	for at, every := 3, killEvery(); at < 60; at += every {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			killed(t, at)
		})
	}
}

func killEvery() int {
	if testing.Short() {
		return 12
	}
	return 4
}

func killed(t *testing.T, at int) {
	server := startServer(t)
	wire, err := natstest.NewWire(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	s := newStage(t, "orders")
	victim := newRun(t, wire.URL(), "anna", short)
	dead, ended := make(chan struct{}), make(chan event.ConnectorResult, 1)
	cut := &line{cutAt: at, ended: t.Context().Done(), onCut: func() { wire.Cut(); close(dead) }}
	request := s.request(cut)
	go func() { ended <- victim.Move(context.WithoutCancel(t.Context()), request) }()
	select {
	case <-dead:
	case result := <-ended:
		t.Skipf("the whole move has fewer requests: %s", result.Message)
	}
	heir := newRun(t, server.URL(), "bert", short)
	refused := heir.Move(t.Context(), s.request(&line{}))
	if refused.Outcome == event.Held && !strings.Contains(refused.Message, "is held by `ferry move` of anna@here (process 1) since 2") {
		t.Errorf("held: %s", refused.Message)
	}
	result := refused
	err = wait.Until(t.Context(), "the lease to end", 20*time.Second, func(ctx context.Context) (bool, string, error) {
		if result.Outcome == event.Held {
			result = heir.Move(ctx, s.request(&line{}))
		}
		return result.Outcome != event.Held, result.Message, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Outcome != event.Moved && result.Outcome != event.Unchanged {
		t.Fatalf("the next run: %s: %s; %+v", result.Outcome, result.Message, result.Steps)
	}
	s.await(s.global, connect.Stopped)
	s.await(s.europe, connect.Running)
	s.exact()
	told := stories(t, server.URL(), "orders")
	if len(told) != 1 || told[0].Open || told[0].Outcome != "moved" || len(told[0].Runs) != 2 {
		t.Fatalf("history: %+v", told)
	}
	got := steps(told[0])
	slices.Sort(got)
	want := slices.Clone(whole)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("steps %v", steps(told[0]))
	}
	if t.Failed() || testing.Verbose() {
		var text strings.Builder
		history.Stories{Moves: told}.Text(&text)
		t.Logf("killed at request %d of the move:\n%s", at, text.String())
	}
}

// TestLostLease has another run take the lease while its holder is cut off from NATS and
// delayed before a request. Once NATS answers the holder again, it writes nothing more,
// not even to put the connector back.
func TestLostLease(t *testing.T) {
	for _, before := range []string{"/pause", "/stop", "/offsets", "/resume"} {
		t.Run(before[1:], func(t *testing.T) {
			t.Parallel()
			lost(t, before)
		})
	}
}

func lost(t *testing.T, before string) {
	server := startServer(t)
	wire, err := natstest.NewWire(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	s := newStage(t, "orders")
	holder := newRun(t, wire.URL(), "anna", short)
	thief := newRun(t, server.URL(), "bert", 30*time.Second)
	var written []string
	taken := false
	// The read before the write is delayed, so that the next request is the write.
	heldUp := &line{each: func(request *http.Request) {
		if taken && request.Method != http.MethodGet && !strings.HasSuffix(request.URL.Path, "/validate") {
			written = append(written, request.Method+" "+request.URL.Path)
		}
		if taken || !strings.HasSuffix(request.URL.Path, before) || request.Method == http.MethodGet {
			return
		}
		taken = true
		wire.Cut()
		err := wait.Until(context.Background(), "the lease", 20*time.Second, func(ctx context.Context) (bool, string, error) {
			_, err := thief.Leases.Take(ctx, "rollback", bothOf(s)...)
			return err == nil, fmt.Sprint(err), nil
		})
		if err != nil {
			t.Error(err)
		}
		wire.Mend()
	}}
	result := holder.Move(t.Context(), s.request(heldUp))
	if !taken {
		t.Fatal("the lease was not taken")
	}
	if len(written) > 0 {
		t.Errorf("written after the lease was lost: %v", written)
	}
	// The delayed request is carried out; if it is the resume, the last write of a move,
	// the move is finished.
	if before == "/resume" && result.Outcome == event.Moved {
		return
	}
	if result.Outcome != event.Held || !strings.Contains(result.Message, "lost the lease") || !strings.Contains(result.Message, "held by `ferry rollback` of bert@here") {
		t.Errorf("%s: %s (%s)", result.Outcome, result.Message, result.Instructions)
	}
	for _, step := range result.Steps {
		if step.Step == "put_back" {
			t.Error("it tried to put the connector back")
		}
	}
}
