package history_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func encode(t testing.TB, document any) []byte {
	t.Helper()
	content, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// whole is every step of a move, in order.
var whole = []string{"check", "prepare", "quiesce", "prove", "copy", "interlock", "start", "watch"}

func steps(story history.Story) []string {
	var names []string
	for _, step := range story.Steps {
		names = append(names, step.Step.Step)
	}
	return names
}

// rawMessage is a message as any client of NATS sees it.
type rawMessage struct {
	subject, id string
	body        []byte
}

func messages(t testing.TB, url string) []rawMessage {
	t.Helper()
	connection, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "FERRY")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []rawMessage
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		message, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rawMessage{message.Subject, message.Header.Get(nats.MsgIdHdr), message.Data})
	}
	return all
}

// TestMoveAndBack moves a connector with an odd name there and back: two stories,
// each step once, each event by its schema and on its subject.
func TestMoveAndBack(t *testing.T) {
	server := startServer(t)
	s := newStage(t, odd)
	ferry := newRun(t, server.URL(), "anna", 30*time.Second)
	moved := ferry.Move(t.Context(), s.request(&line{}))
	if moved.Outcome != event.Moved {
		t.Fatalf("%s: %s", moved.Outcome, moved.Message)
	}
	if back := ferry.Rollback(t.Context(), s.request(&line{})); back.Outcome != event.RolledBack {
		t.Fatalf("%s: %s", back.Outcome, back.Message)
	}
	if left := ferry.publisher.Close(); len(left) > 0 {
		t.Errorf("%d events are left", len(left))
	}
	told := stories(t, server.URL(), odd)
	if len(told) != 2 {
		t.Fatalf("%d stories, want 2: %+v", len(told), told)
	}
	if got := steps(told[0]); !slices.Equal(got, whole) {
		t.Errorf("steps of the move: %v", got)
	}
	if got := steps(told[1]); !slices.Equal(got, whole) {
		t.Errorf("steps of the rollback: %v", got)
	}
	for i, want := range []history.Story{{From: "global", To: "europe", Command: "move", Outcome: "moved"}, {From: "europe", To: "global", Command: "rollback", Outcome: "rolled_back"}} {
		got := told[i]
		if got.From != want.From || got.To != want.To || got.Command != want.Command || got.Outcome != want.Outcome || got.Open ||
			got.Proof != event.Hard || got.DowntimeMS == nil || got.Connector != odd || len(got.Runs) != 1 || got.Runs[0].By.User != "anna" {
			t.Errorf("story %d: %+v", i, got)
		}
	}
	token := natsstore.Token(odd)
	for _, message := range messages(t, server.URL()) {
		if err := schemas.Check(schemas.Event, message.body); err != nil {
			t.Errorf("%s: %v", message.subject, err)
		}
		if parts := strings.Split(message.subject, "."); len(parts) != 5 || parts[3] != token {
			t.Errorf("subject %s", message.subject)
		}
		var read history.Event
		if err := json.Unmarshal(message.body, &read); err != nil || read.ID != message.id {
			t.Errorf("id %q, Nats-Msg-Id %q", read.ID, message.id)
		}
	}
	var text bytes.Buffer
	history.Stories{Moves: told}.Text(&text)
	if want := fmt.Sprintf("%s: move global > europe: moved, hard proof, down for %d ms", odd, *moved.DowntimeMS); !strings.Contains(text.String(), want) {
		t.Errorf("%q is not in\n%s", want, text.String())
	}
	s.exact()
	t.Log("\n" + text.String())
}
