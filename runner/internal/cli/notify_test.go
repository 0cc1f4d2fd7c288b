package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// channelsOf is what the channels of a story have heard, by the name of the channel.
type channelsOf struct {
	mu     sync.Mutex
	bodies map[string][]string
	nats   *nats.Subscription
}

// startChannels writes channels.yaml: webhooks that hear, one that is dead and one that
// refuses, and NATS.
func startChannels(ts *testscript.TestScript, _ bool, _ []string) {
	heard := &channelsOf{bodies: map[string][]string{}}
	hooks := http.NewServeMux()
	hooks.HandleFunc("POST /{channel}/planted-hook", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard.mu.Lock()
		defer heard.mu.Unlock()
		heard.bodies[r.PathValue("channel")] = append(heard.bodies[r.PathValue("channel")], string(body))
	})
	hooks.HandleFunc("POST /refusing/planted-hook", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no_service", http.StatusNotFound)
	})
	server := httptest.NewServer(hooks)
	ts.Defer(server.Close)
	bus, err := natstest.Start(ts.MkAbs("bus"), nil)
	ts.Check(err)
	ts.Defer(bus.Stop)
	connection, err := nats.Connect(bus.URL())
	ts.Check(err)
	ts.Defer(connection.Close)
	heard.nats, err = connection.SubscribeSync("notices.>")
	ts.Check(err)
	ts.Check(connection.Flush())

	text := "clusters: {a: {connect_url: http://nobody.invalid}}\nnats: {url: " + bus.URL() + "}\nnotify:\n"
	for name, more := range map[string]string{
		"everybody": "", "payments": ", format: json, owners: [payments, billing]", "night": ", format: teams, level: error",
		"refusing": ", owners: [nobody]",
	} {
		text += "- {name: " + name + ", url: " + server.URL + "/" + name + "/planted-hook" + more + "}\n"
	}
	text += "- {name: dead, url: http://127.0.0.1:9/planted-hook, owners: [nobody]}\n- {name: bus, subject: notices.ferry}\n"
	ts.Check(os.WriteFile(ts.MkAbs("channels.yaml"), []byte(text), 0o600))
	channels.Store(ts.Getenv("WORK"), heard)
}

// channels are those of each story, by its folder.
var channels sync.Map

// findHeard checks what a channel has heard since it was asked last: heard CHANNEL PART...,
// or heard CHANNEL for nothing.
func findHeard(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: heard CHANNEL PART...")
	}
	found, _ := channels.Load(ts.Getenv("WORK"))
	heard, _ := found.(*channelsOf)
	bodies := heard.take(ts, args[0], len(args) > 1)
	if len(args) == 1 && len(bodies) > 0 || len(args) > 1 && len(bodies) != 1 {
		ts.Fatalf("%s heard %q, expected one notice with %q", args[0], bodies, args[1:])
	}
	for _, part := range args[1:] {
		if !strings.Contains(bodies[0], part) {
			ts.Fatalf("%s heard %s, which lacks %s", args[0], bodies[0], part)
		}
	}
	if args[0] == "payments" && len(bodies) > 0 || args[0] == "bus" {
		for _, body := range bodies {
			ts.Check(schemas.Check(schemas.Notice, []byte(body)))
		}
	}
}

func (c *channelsOf) take(ts *testscript.TestScript, channel string, expected bool) []string {
	if channel == "bus" && expected {
		message, err := c.nats.NextMsg(10 * time.Second)
		ts.Check(err)
		return []string{string(message.Data)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	bodies := c.bodies[channel]
	delete(c.bodies, channel)
	return bodies
}
