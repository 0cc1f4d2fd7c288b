package natsstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// TestAnnouncer publishes without JetStream, as a user who may publish on one subject alone.
func TestAnnouncer(t *testing.T) {
	running, err := natstest.Start(t.TempDir(), func(options *server.Options) {
		options.JetStream = false
		options.Users = []*server.User{
			{Username: "listener", Password: "l"},
			{Username: "teller", Password: "t", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"notices.Ferry"}}}},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Stop)
	listener, err := nats.Connect(running.URL(), nats.UserInfo("listener", "l"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Close)
	heard, err := listener.SubscribeSync("notices.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Flush(); err != nil {
		t.Fatal(err)
	}
	announcer := &Announcer{Options: func() (Options, error) {
		return Options{URLs: []string{running.URL()}, Username: "teller", Password: secret.New("t")}, nil
	}}
	t.Cleanup(announcer.Close)
	if err := announcer.Publish(t.Context(), "notices.Other", []byte("no")); err == nil ||
		!strings.Contains(err.Error(), "subject notices.Other") || !strings.HasSuffix(err.Error(), "; allow the user to publish there") {
		t.Errorf("on a subject that is not allowed: %v", err)
	}
	// The refusal before it is not taken for one of this subject.
	if err := announcer.Publish(t.Context(), "notices.Ferry", []byte("yes")); err != nil {
		t.Error(err)
	}
	message, err := heard.NextMsg(10 * time.Second)
	if err != nil || string(message.Data) != "yes" {
		t.Errorf("heard %v, %v", message, err)
	}
	running.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := announcer.Publish(ctx, "notices.Ferry", []byte("lost")); err == nil {
		t.Error("a server that is gone has taken a message")
	}
}
