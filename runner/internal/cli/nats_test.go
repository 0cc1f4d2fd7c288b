package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natslease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
)

// natsOf is the NATS of a story, and the lease another run holds in it.
type natsOf struct {
	server  *natstest.Server
	release func()
}

// startNATS: nats, then nats stop, nats optional
func startNATS(ts *testscript.TestScript, _ bool, args []string) {
	s := stageOf(ts)
	switch {
	case len(args) == 0:
		server, err := natstest.Start(ts.MkAbs("nats"), nil)
		ts.Check(err)
		ts.Defer(server.Stop)
		s.nats.server = server
		s.append(ts, "nats:\n  url: "+server.URL()+"\n")
	case args[0] == "stop":
		s.nats.server.Stop()
	case args[0] == "optional":
		s.append(ts, "  required: false\n")
	default:
		ts.Fatalf("nats cannot %s", args[0])
	}
}

// append adds to the clusters file.
func (s *stage) append(ts *testscript.TestScript, text string) {
	content, err := os.ReadFile(s.file)
	ts.Check(err)
	ts.Check(os.WriteFile(s.file, append(content, text...), 0o600))
}

// takeLease: lease CLUSTER CONNECTOR WHO, as another run
func takeLease(ts *testscript.TestScript, _ bool, args []string) {
	s := stageOf(ts)
	store, err := natsstore.Open(context.Background(), natsstore.Options{
		URLs: []string{s.nats.server.URL()}, Stream: "FERRY", Bucket: "ferry-leases", Prefix: "ferry", LeaseTTL: 30 * time.Second,
	})
	ts.Check(err)
	bucket := &natslease.Bucket{KV: store.Leases(), TTL: 30 * time.Second, By: event.Holder{User: args[2], Host: "there", Process: 7, For: "a test"}}
	held, err := bucket.Take(context.Background(), "move", lease.Key{Cluster: args[0], Connector: args[1]})
	ts.Check(err)
	s.nats.release = func() { held.Release(context.Background()); store.Close() }
}

// releaseLease: release
func releaseLease(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		ts.Fatalf("release takes nothing: %s", strings.Join(args, " "))
	}
	stageOf(ts).nats.release()
}
