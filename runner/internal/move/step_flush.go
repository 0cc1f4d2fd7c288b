package move

import (
	"context"
	"fmt"
	"strings"

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
func (m *Mover) FlushWait(ctx context.Context, of instance.Instance, by offsetstore.Method) event.ConnectorResult {
	return m.leased(ctx, "flush-wait", of.Name, of, nil, func(ctx context.Context, of instance.Instance) event.ConnectorResult {
		return m.flushWait(ctx, of, by)
	})
}

func (m *Mover) flushWait(ctx context.Context, of instance.Instance, by offsetstore.Method) event.ConnectorResult {
	r, seen, err := m.begin(ctx, of)
	if err == nil {
		if _, err = of.Cluster.Server(ctx); err == nil {
			err = m.requireHardProof(of.Cluster)
		}
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	opened, err := openOne(ctx, of, seen, by)
	if err != nil {
		return r.fail(ctx, err)
	}
	resting := &rest{run: r, of: of, config: seen.Config, store: opened.From, subject: proof.Subject{Connector: of.Name}}
	if seen.Sink() {
		resting.subject.Group = config.Group(of.Name, seen.Config)
	} else {
		resting.subject.Snapshot = opened.Offsets
	}
	if err := resting.do(ctx); err != nil {
		return r.flushFailed(ctx, resting, seen.Status, err)
	}
	state := of.Cluster.RestState()
	r.result.Changed = seen.State() != state
	r.result.WasState, r.result.OriginState = seen.State(), state
	r.result.OffsetsHash = &event.Hashes{Origin: resting.final.SHA256()}
	return r.end(event.Quiesced, fmt.Sprintf("%s, offsets final by %s proof, %s", strings.ToLower(string(state)), resting.proof.Kind, words.Count(resting.final.Len(), "entry")))
}

// flushFailed puts the connector back. There is no copy that might run.
func (r *run) flushFailed(ctx context.Context, resting *rest, before connect.Status, cause error) event.ConnectorResult {
	if resting.attempt == nil || lease.IsLost(cause) {
		return r.fail(ctx, cause)
	}
	was := before.Connector.State
	if err := r.putBack(ctx, resting.of, was, before); err != nil {
		return r.fail(ctx, &outcome.NotPutBackError{Cause: cause, Failure: err})
	}
	result := r.fail(ctx, cause)
	result.Message += fmt.Sprintf("; %s is %s as before", resting.of.Name, was)
	return result
}
