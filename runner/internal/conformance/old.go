package conformance

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// RunOld checks how a cluster of a version before 3.7 says that it
// lacks what the product needs, so that it is told apart from a connector that
// does not exist and from a failure that passes. Subject is as for
// [Run].
func RunOld(t *testing.T, subject Subject) {
	s := &Suite{T: t, Subject: subject, ctx: t.Context()}
	server, err := s.Client.Server(s.ctx)
	s.Must(err)
	version, ok := cluster.ParseVersion(server.Version)
	if !ok || !version.Before(cluster.InitialState) {
		t.Fatalf("version %s is no old one", server.Version)
	}
	name := s.Topic() + "-connector"
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1), connect.Stopped)
	s.WantRefused(err, http.StatusInternalServerError, `Unrecognized field "initial_state"`)
	if _, reading := s.Client.Config(s.ctx, name); connect.IsTemporary(err) || !connect.IsNotFound(reading) {
		t.Errorf("create: %v, then %v", err, reading)
	}
	s.Must(s.Client.PutConfig(s.ctx, name, s.Source(s.Topic(), 1)))
	t.Cleanup(func() { s.Remove(context.WithoutCancel(s.ctx), name) })
	s.AwaitAll(name, connect.Running, 1)

	s.wantSince(version, cluster.Stop, "stop", s.Client.Stop(s.ctx, name))
	_, err = s.Client.Offsets(s.ctx, name)
	s.wantSince(version, cluster.Stop, "read offsets", err)
	if !version.Before(cluster.Stop) {
		s.AwaitAll(name, connect.Stopped, 0)
	}
	s.Must(wait.For(s.ctx, time.Second))
	_, err = s.Client.AlterOffsets(s.ctx, name, s.JSON(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`))
	s.wantSince(version, cluster.AlterOffsets, "alter offsets", err)
	_, err = s.Client.ResetOffsets(s.ctx, name)
	s.wantSince(version, cluster.AlterOffsets, "reset offsets", err)
}

func (s *Suite) wantSince(version, since cluster.Version, what string, err error) {
	s.Helper()
	switch {
	case !version.Before(since) && err != nil:
		s.Errorf("%s: %v", what, err)
	case version.Before(since) && (!connect.IsUnsupported(err) || connect.IsNotFound(err) || connect.IsTemporary(err)):
		s.Errorf("%s on %s: %v, which is not taken for a lack of support", what, version, err)
	}
}
