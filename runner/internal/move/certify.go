package move

import (
	"context"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// evidence begins what is kept for a certificate. It is nil if none is asked for.
func (m *Mover) evidence(command string, request pair.Request) *certificate.Evidence {
	if m.Certify == nil {
		return nil
	}
	return &certificate.Evidence{Command: command, Connector: request.Connector, TargetConnector: request.TargetName(), StartedAt: time.Now()}
}

// certify has the certificate made, if one is due, and returns the result with its place.
func (m *Mover) certify(ctx context.Context, request pair.Request, result event.ConnectorResult, kept *certificate.Evidence) event.ConnectorResult {
	if kept == nil {
		return result
	}
	kept.Result, kept.EndedAt = result, time.Now()
	if !kept.Due() {
		return result
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), certifyLimit)
	defer cancel()
	kept.Origin, kept.Target = certified(ctx, request.Origin), certified(ctx, request.Target)
	result.Certificate = m.Certify(kept)
	return result
}

// certifyLimit bounds what is only read for a certificate, since the clusters may be out of
// reach.
const certifyLimit = 10 * time.Second

// certified says which cluster it is; only its name if it does not answer.
func certified(ctx context.Context, of *cluster.Cluster) certificate.Cluster {
	server, _ := of.Server(ctx)
	return certificate.Cluster{Name: of.Name, Version: server.Version, KafkaClusterID: server.KafkaClusterID}
}

// keepEvidence keeps how far the cutover got.
func (c *cutover) keepEvidence(ctx context.Context) {
	attempt := c.rest.Attempt
	if c.Evidence == nil || attempt == nil {
		return
	}
	done := certificate.Cutover{
		From: c.rest.Of.On(), To: c.transfer.to.On(), StillSince: attempt.StillSince(), Pausing: attempt.Pausing(),
		RunsSince: c.runsSince, Later: c.later, LaterAt: c.laterAt,
	}
	if !c.runsSince.IsZero() {
		done.RunsOn = done.To
	}
	if proven := c.rest.Proof; proven.Kind != "" {
		final := c.rest.Final
		done.Proof, done.Final = &proven, &final
	}
	if c.copied {
		want := c.transfer.want
		done.Copied, done.Copy = &want, c.Result.Copy
		done.SentAgain, done.Aligned = c.Result.SentAgain, c.Result.Aligned
	}
	if done.Later == nil && !done.RunsSince.IsZero() && !c.transfer.external {
		// Nothing compares the offsets of a group that both sides share, so none were read.
		if now, err := c.transfer.store.Read(context.WithoutCancel(ctx)); err == nil {
			done.Later, done.LaterAt = &now, time.Now()
		}
	}
	c.Evidence.AddCutover(done)
}

// keepStanding keeps the offsets of a move that an earlier run made: the origin still has its
// final ones.
func (r *Run) keepStanding(ctx context.Context, request pair.Request, seen pair.Observation) {
	if r.Evidence == nil || !seen.Origin.Exists {
		return
	}
	opened, err := request.Open(ctx, seen)
	if err != nil {
		r.Note(event.Info, "the certificate has no offsets: %s", err)
		return
	}
	earlier := certificate.Cutover{From: request.Origin.Name, To: request.Target.Name, Final: &opened.Offsets}
	if now, err := opened.To.Read(ctx); err == nil {
		earlier.Later, earlier.LaterAt = &now, time.Now()
	}
	r.Evidence.AddCutover(earlier)
}
