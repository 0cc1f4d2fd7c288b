package connecttest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// RunOldConformance checks how a cluster of a version before 3.7 says that it
// lacks what the product needs, so that it is told apart from a connector that
// does not exist and from a failure that passes. Subject is as for
// [RunConformance].
func RunOldConformance(t *testing.T, subject Subject) {
	s := &suite{T: t, Subject: subject, ctx: t.Context()}
	server, err := s.Client.Server(s.ctx)
	s.must(err)
	version := parseVersion(server.Version)
	if version.since(3, 7) {
		t.Fatalf("version %s is no old one", version.text)
	}
	name := s.Topic() + "-connector"
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1), connect.Stopped)
	s.wantRefused(err, http.StatusInternalServerError, `Unrecognized field "initial_state"`)
	if _, reading := s.Client.Config(s.ctx, name); connect.IsTemporary(err) || !connect.IsNotFound(reading) {
		t.Errorf("create: %v, then %v", err, reading)
	}
	s.must(s.Client.PutConfig(s.ctx, name, s.Source(s.Topic(), 1)))
	t.Cleanup(func() { s.remove(context.WithoutCancel(s.ctx), name) })
	s.awaitAll(name, connect.Running, 1)

	s.wantSince(version, 3, 5, "stop", s.Client.Stop(s.ctx, name))
	_, err = s.Client.Offsets(s.ctx, name)
	s.wantSince(version, 3, 5, "read offsets", err)
	if version.since(3, 5) {
		s.awaitAll(name, connect.Stopped, 0)
	}
	s.must(wait.For(s.ctx, time.Second))
	_, err = s.Client.AlterOffsets(s.ctx, name, s.json(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`))
	s.wantSince(version, 3, 6, "alter offsets", err)
	_, err = s.Client.ResetOffsets(s.ctx, name)
	s.wantSince(version, 3, 6, "reset offsets", err)
}

func (s *suite) wantSince(version version, major, minor int, what string, err error) {
	s.Helper()
	switch {
	case version.since(major, minor) && err != nil:
		s.Errorf("%s: %v", what, err)
	case !version.since(major, minor) && (!connect.IsUnsupported(err) || connect.IsNotFound(err) || connect.IsTemporary(err)):
		s.Errorf("%s on %s: %v, which is not taken for a lack of support", what, version.text, err)
	}
}
