package move

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// prepared is the stopped copy on the target and its offsets.
type prepared struct {
	created bool            // by this run
	seen    bool            // at rest since; before that, a 404 does not mean that it is gone
	offsets offset.Document // on the target now
	// store is where this run wrote offsets that it may remove again; nil if there are
	// none. It stays nil unless separate: both sides may keep their offsets in one topic,
	// and removing them would remove them for both.
	store offsetstore.Store
	// followed is the store on the target, if its offsets are many; else nil.
	followed *offsetstore.Followed
	// separate says that the target lacked offsets that the origin has, so the two do not
	// share a topic.
	separate bool
}

// wrote records that this run writes offsets to a store.
func (p *prepared) wrote(to offsetstore.Store) {
	if p.separate {
		p.store = to
	}
}

// prepare creates the stopped copy while the origin still runs, and rehearses copying the
// offsets.
//
// waits, unless "", marks a copy whose cut comes later or never: [config.Held] or
// [config.Rehearsal].
func (r *run) prepare(ctx context.Context, request pair.Request, verdict check.Verdict, waits connect.State) (*prepared, error) {
	copied := &prepared{}
	err := r.Step("prepare", func() (string, error) {
		err := r.prepareCopy(ctx, request, verdict, copied, waits)
		return fmt.Sprintf("stopped copy on %s, %s rehearsed", request.Target.Name, event.Entries(copied.offsets.Len())), err
	})
	return copied, err
}

func (r *run) prepareCopy(ctx context.Context, request pair.Request, verdict check.Verdict, copied *prepared, waits connect.State) (err error) {
	to, basis, was := request.To(), verdict.Basis, verdict.Seen.Was()
	settings := basis.Config
	switch {
	case waits != "":
		settings = config.WithKeepState(settings, waits)
	case was == connect.Paused || was == connect.Stopped:
		settings = config.WithKeepState(settings, was)
	}
	if becomesPreliminary(verdict) {
		settings = config.Preliminary(settings)
	}
	if err := refuseProgress(ctx, request, verdict.Seen); err != nil {
		return err
	}
	if copied.created, err = to.CreateStopped(ctx, settings, verdict.Seen.Target.Exists); err != nil {
		return err
	}
	copied.seen, r.Result.Changed = true, true
	if !copied.created { // a later run tells by the topics whether the copy has run since
		if err := to.ForgetTopics(ctx); err != nil {
			r.Note(event.Warn, "%s", err)
		}
	}
	if basis.Shared {
		return nil
	}
	store := basis.Stores.To
	if topic := r.followable(request, verdict, request.Target); topic != nil {
		copied.followed = offsetstore.Follow(store, topic, to.Name)
		store = copied.followed
	}
	known, err := store.Read(ctx)
	if err != nil {
		return fmt.Errorf("on %s: %w", to.On(), err)
	}
	copied.offsets = known
	copied.separate = len(offset.Compare(basis.Offsets, known).Missing) > 0
	if verdict.Seen.Origin.Sink() || verdict.Seen.Origin.AtRest() || basis.Offsets.Len() == 0 {
		return nil
	}
	// A new copy with offsets for exactly the partitions of its origin probably reads
	// them where the origin writes them. A rehearsal would set the origin itself back to
	// an older position.
	if copied.created && offset.SamePartitions(known, basis.Offsets) {
		return nil
	}
	// basis.Offsets are from a while ago. If the origin was stopped since, by another run
	// or by the last request of a killed one, its final offsets may be copied already,
	// and a rehearsal would overwrite them. The cutover reads them anew anyway.
	status, err := request.Origin.Client.Status(ctx, request.Connector)
	if err != nil || status.Connector.State == connect.Stopped {
		return err
	}
	return r.rehearse(ctx, basis, store, to.On(), copied)
}

// becomesPreliminary reports whether the copy has to wait for its offsets. One that an
// earlier run left beside a connector at rest may have them already, so it keeps the mark it
// has.
func becomesPreliminary(verdict check.Verdict) bool {
	origin, target := verdict.Seen.Origin, verdict.Seen.Target
	if target.Exists && origin.AtRest() {
		return config.IsPreliminary(target.Config)
	}
	return !verdict.Basis.Shared && !offsetstore.IsExternal(origin.Config)
}

// rehearse copies the origin's present offsets, to find out before anything stops whether
// the plugin accepts them and whether they read back.
func (r *run) rehearse(ctx context.Context, basis check.Basis, store offsetstore.Store, on string, copied *prepared) error {
	copied.wrote(basis.Stores.To)
	done, err := offsetstore.MakeEqual(ctx, on, store, basis.Offsets, copied.offsets)
	// Only the answer to the write is about the offsets; a read that failed is no
	// refusal. A plugin that refuses them gives a 500
	// (Worker.alterSourceConnectorOffsets).
	if answer, ok := errors.AsType[*connect.ResponseError](err); ok && answer.Method == http.MethodPatch && !connect.IsTemporary(err) {
		return cluster.Refused(fmt.Sprintf("%s does not take the offsets in a rehearsal: %s", on, answer.Message))
	}
	if mismatch, ok := errors.AsType[*offsetstore.MismatchError](err); ok {
		copied.offsets = mismatch.Have
		return cluster.Refused("offsets do not read back as written in a rehearsal: " + mismatch.Error())
	}
	if err != nil {
		return err
	}
	copied.offsets = basis.Offsets
	// A late write of the rehearsal could overwrite what is copied later. Wait until it
	// cannot, while the origin still runs.
	return done.AwaitLate(ctx, func() {
		r.Note(event.Warn, "an answer of %s was lost; waiting until that write can no longer take effect, while the connector keeps running", on)
	})
}

// copyRan reports whether the copy ran after it was prepared, of two stopped connectors with
// different offsets. Offsets that can be ordered tell, also of a copy that was deleted since
// and created again; otherwise its topics do.
func copyRan(ctx context.Context, request pair.Request, seen pair.Observation) (bool, error) {
	switch {
	case seen.TargetAhead():
		return true, nil
	case seen.OriginAhead():
		return false, nil
	default:
		return request.To().HasRun(ctx)
	}
}

// refuseProgress refuses to overwrite the offsets of a target that ran after it was
// prepared and was then stopped by somebody: they are newer than the origin's.
func refuseProgress(ctx context.Context, request pair.Request, seen pair.Observation) error {
	if seen.State() != pair.HalfCopied {
		return nil
	}
	ran, err := copyRan(ctx, request, seen)
	switch {
	case err != nil && !request.Overwrite:
		return cluster.Refused(fmt.Sprintf("both copies are stopped, their offsets differ, and %s does not tell whether its copy has run (%s); "+
			"if it has not, say --overwrite", request.Target.Name, connect.Message(err)))
	case err == nil && ran:
		return cluster.Refused(fmt.Sprintf("the copy on %s has run and was stopped, so its offsets are newer than those on %s; "+
			"let it run on with `ferry start --cluster %s --connector %s`, or take it back with `ferry rollback`",
			request.Target.Name, request.Origin.Name, request.Target.Name, request.To().Name))
	}
	return nil
}
