package single

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// FlushWait stops a connector, proves that its offsets are final, and leaves it stopped.
// Without a proof it puts the connector back.
func (s Steps) FlushWait(ctx context.Context, of instance.Instance, by offsetstore.Method) event.ConnectorResult {
	return s.leased(ctx, "flush-wait", of.Name, of, nil, func(ctx context.Context, of instance.Instance) event.ConnectorResult {
		return s.flushWait(ctx, of, by)
	})
}

func (s Steps) flushWait(ctx context.Context, of instance.Instance, by offsetstore.Method) event.ConnectorResult {
	r, seen, err := s.begin(ctx, of)
	if err == nil {
		if _, err = of.Cluster.Server(ctx); err == nil {
			err = s.RequireHardProof(of.Cluster)
		}
	}
	if err != nil {
		return r.Fail(ctx, err)
	}
	opened, err := openOne(ctx, of, seen, by)
	if err != nil {
		return r.Fail(ctx, err)
	}
	resting := &command.Rest{Run: r, Of: of, Config: seen.Config, Store: opened.From, Subject: proof.Subject{Connector: of.Name}}
	if seen.Sink() {
		resting.Subject.Group = config.Group(of.Name, seen.Config)
	} else {
		resting.Subject.Snapshot = opened.Offsets
	}
	if err := resting.Do(ctx); err != nil {
		return flushFailed(ctx, resting, seen.Status, err)
	}
	state := of.Cluster.RestState()
	r.Result.Changed = seen.State() != state
	r.Result.WasState, r.Result.OriginState = seen.State(), state
	r.Result.OffsetsHash = &event.Hashes{Origin: resting.Final.SHA256()}
	return r.End(event.Quiesced, fmt.Sprintf("%s, offsets final by %s proof, %s", strings.ToLower(string(state)), resting.Proof.Kind, words.Count(resting.Final.Len(), "entry")))
}

// flushFailed puts the connector back. There is no copy that might run.
func flushFailed(ctx context.Context, r *command.Rest, before connect.Status, cause error) event.ConnectorResult {
	if r.Attempt == nil || lease.IsLost(cause) {
		return r.Fail(ctx, cause)
	}
	was := before.Connector.State
	if err := r.PutBack(ctx, r.Of, was, before); err != nil {
		return r.Fail(ctx, &outcome.NotPutBackError{Cause: cause, Failure: err})
	}
	result := r.Fail(ctx, cause)
	result.Message += fmt.Sprintf("; %s is %s as before", r.Of.Name, was)
	return result
}
