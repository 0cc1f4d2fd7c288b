package move

import (
	"context"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

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
func (r *run) keepStanding(ctx context.Context, request pair.Request, seen pair.Observation) {
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
