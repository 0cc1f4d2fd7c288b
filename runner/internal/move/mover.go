package move

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// Check looks at everything that speaks for or against a move. It writes nothing.
func (m *Mover) Check(ctx context.Context, request Request) event.ConnectorResult {
	r := m.newRun(request)
	var found *checked
	err := r.step("check", func() (string, error) {
		var err error
		found, err = m.check(ctx, request)
		return "", err
	})
	r.noteFound(found)
	if err != nil {
		return r.fail(ctx, err)
	}
	if !found.unfinished() {
		return r.end(event.Unchanged, "is moved already")
	}
	r.result.Entries = found.offsets.Len()
	return r.end(event.Ready, fmt.Sprintf("can be moved, %s with %d offset entries, now %s", found.kind, found.offsets.Len(), found.state))
}

// noteFound notes what the checks found.
func (r *run) noteFound(found *checked) {
	r.result.Checks = found.checks
	r.result.State = string(found.state)
	r.result.OriginState, r.result.TargetState = found.observed.Origin.State(), found.observed.Target.State()
	if found.observed.Origin.Exists {
		r.result.WasState = found.observed.was()
	}
}

// Move moves a connector to the target, or goes on with a move that was begun.
// It ends with the connector in the state it had, on exactly one cluster.
func (m *Mover) Move(ctx context.Context, request Request) event.ConnectorResult {
	return m.leased(ctx, "move", request, request.bothPlaces(), true, m.moveOne)
}

func (m *Mover) moveOne(ctx context.Context, request Request) event.ConnectorResult {
	r := m.newRun(request)
	r.toward = request.Target.Name
	r.begin = m.follow(ctx, request.Origin, request.Connector)
	var found *checked
	err := r.step("check", func() (string, error) {
		var err error
		found, err = m.check(ctx, request)
		return string(found.state), err
	})
	r.noteFound(found)
	if err != nil {
		return r.fail(ctx, err)
	}
	if found.observed.rollingBack() {
		return r.fail(ctx, refused(fmt.Sprintf("a rollback to %s is not finished, run `ferry rollback` again first", request.Origin.Name)))
	}
	if !found.unfinished() {
		return r.alreadyMoved(ctx, found)
	}
	if err := m.needHard(request.Origin); err != nil {
		return r.fail(ctx, err)
	}
	return r.move(ctx, found)
}

// alreadyMoved reports on a move that has nothing left to do, and does not call
// it well if the copy is not.
func (r *run) alreadyMoved(ctx context.Context, found *checked) event.ConnectorResult {
	target := found.observed.Target
	if err := failure(target.Status); err != nil {
		r.result.Instructions = fmt.Sprintf("mend it on %s, or take it back with `ferry rollback`", r.request.Target.Name)
		return r.fail(ctx, fmt.Errorf("is moved, but on %s: %w", r.request.Target.Name, err))
	}
	message := fmt.Sprintf("is on %s already (%s), nothing to do", r.request.Target.Name, target.State())
	if result := found.observed.translated; result != nil {
		r.result.SentAgain = result.counted()
		message += fmt.Sprintf("; at least once: %s when it is started", result)
	}
	if origin := found.observed.Origin; origin.Exists {
		if differing := differingKeys(withoutMarks(target.Config), copyConfig(origin.Config, r.request)); len(differing) > 0 {
			message += fmt.Sprintf("; its config there differs in %s from what was asked for", strings.Join(differing, ", "))
		}
	}
	return r.end(event.Unchanged, message)
}

func (r *run) move(ctx context.Context, found *checked) event.ConnectorResult {
	was := found.observed.was()
	var created bool
	var onTarget offset.Document
	err := r.step("prepare", func() (detail string, err error) {
		created, onTarget, err = r.prepare(ctx, found)
		return fmt.Sprintf("stopped copy on %s, %d offset entries rehearsed", r.request.Target.Name, onTarget.Len()), err
	})
	c, failure := r.forward(found, was, onTarget)
	if err = cmp.Or(err, failure); err == nil {
		err = c.do(ctx)
	}
	if _, twice := errors.AsType[*RunningTwiceError](err); twice {
		r.observeEnd(ctx)
		return r.fail(ctx, err)
	}
	switch {
	case err == nil:
		return r.moved(ctx, found, c)
	case c.asked:
		return r.rollBackFailedStart(ctx, c, err)
	default:
		return r.undo(ctx, found, c, created, err)
	}
}

func (r *run) forward(found *checked, was connect.State, onTarget offset.Document) (*cutover, error) {
	c := &cutover{
		run: r, from: r.request.Origin, to: r.request.Target, fromName: r.request.Connector, toName: r.request.targetName(),
		subject: proof.Subject{Connector: r.request.Connector, Group: found.group, Snapshot: found.offsets},
		sink:    found.kind == "sink", shared: found.shared, keep: was, onTo: onTarget, marked: was == connect.Paused,
	}
	c.config = found.observed.Origin.Config
	if c.path = found.path; c.path != nil {
		c.translates(c.path.forward)
	}
	return c, c.open(r.request, found.observed, found.way)
}

// open opens the places of the offsets for the time in which the connector stands
// still, when giving up early is worse than waiting.
func (c *cutover) open(request Request, observed Observation, way Way) (err error) {
	patient := request.patient(windowPatience)
	c.way = way
	if c.fromPlace, c.toPlace, err = patient.on(way, observed); err != nil {
		return err
	}
	if !c.sink && request.Copy != ByREST && request.topicsKnown() == nil {
		c.topics = func() (from, to place, err error) { return patient.on(ByTopic, observed) }
	}
	return nil
}

func (r *run) moved(ctx context.Context, found *checked, c *cutover) event.ConnectorResult {
	c.unmarkPaused(ctx)
	r.result.Changed = true
	r.result.ConfigHash = &event.Hashes{Origin: withoutMarks(found.observed.Origin.Config).Value().SHA256(), Target: r.configHash(ctx)}
	r.observeEnd(ctx)
	message := fmt.Sprintf("moved to %s, %s proof, %d offset entries", r.request.Target.Name, r.result.Proof.Kind, r.result.Entries)
	if r.result.DowntimeMS != nil {
		message += fmt.Sprintf(", down for %d ms", *r.result.DowntimeMS)
	}
	if was := r.result.WasState; was != connect.Running {
		message += fmt.Sprintf(", %s as before", was)
	}
	if c.translate != nil {
		message += "; at least once: " + c.said
	}
	return r.end(event.Moved, message)
}

// configHash returns the hash of the copy's config as it is read back, or "" if
// it cannot be read; it is a statement for the certificate, not a step.
func (r *run) configHash(ctx context.Context) string {
	config, err := r.request.Target.Client.Config(context.WithoutCancel(ctx), r.request.targetName())
	if err != nil {
		r.note(r.request.Connector, event.Warn, "config on %s cannot be read back: %s", r.request.Target.Name, message(err))
		return ""
	}
	return withoutMarks(config).Value().SHA256()
}

// observeEnd notes where both clusters stand at the end.
func (r *run) observeEnd(ctx context.Context) {
	observed, err := r.Observe(context.WithoutCancel(ctx), r.request)
	if err != nil {
		r.note(r.request.Connector, event.Warn, "where the move stands cannot be read: %s", err)
		return
	}
	r.result.State = string(observed.State())
	r.result.OriginState, r.result.TargetState = observed.Origin.State(), observed.Target.State()
}

// undo puts the origin back after a failure before the start.
func (r *run) undo(ctx context.Context, found *checked, c *cutover, created bool, cause error) event.ConnectorResult {
	if lease.IsLost(cause) { // nothing of it would be written
		r.observeEnd(ctx)
		return r.fail(ctx, cause)
	}
	if _, ok := errors.AsType[*interferedError](cause); ok {
		r.observeEnd(ctx)
		r.result.Instructions = "find out who else works on it; nothing was undone, `ferry status` says where it stands"
		return r.fail(ctx, cause)
	}
	// What an earlier run has stopped is put back too, or, once the copy is marked
	// idle, nobody could tell any more that the connector is to run.
	stoppedEarlier := found.observed.Origin.State() != c.keep
	if c.attempt != nil || stoppedEarlier && r.result.Changed {
		if err := c.putBack(ctx); err != nil {
			r.observeEnd(ctx)
			return r.fail(ctx, &notPutBackError{cause, err})
		}
		stoppedEarlier = false
	}
	// Of a run that failed before it prepared anything there is nothing to remove.
	if created || r.result.Changed {
		r.leaveNothing(ctx, created, c.onTo)
	}
	r.observeEnd(ctx)
	result := r.fail(ctx, cause)
	if stoppedEarlier && result.Outcome != event.Refused {
		result.Message += fmt.Sprintf("; %s is %s on %s, as an earlier run left it", c.fromName, found.observed.Origin.State(), c.from.Name)
		result.Instructions = cmp.Or(result.Instructions, "go on with `ferry move`, or undo it with `ferry rollback`")
		return result
	}
	result.Message += fmt.Sprintf("; %s is on %s as before", c.fromName, c.from.Name)
	if c.attempt != nil && result.Outcome == event.Refused {
		result.Outcome = event.Failed // a refusal says that nothing was touched
	}
	return result
}

// rollBackFailedStart takes a connector back that failed right after its start
// on the target, or of which nobody knows whether it started, with the progress
// it has made there.
func (r *run) rollBackFailedStart(ctx context.Context, c *cutover, cause error) event.ConnectorResult {
	if lease.IsLost(cause) {
		r.observeEnd(ctx)
		return r.fail(ctx, cause)
	}
	r.toward = c.from.Name
	r.note(r.request.Connector, event.Error, "%s; taking it back to %s", cause, c.from.Name)
	ctx = context.WithoutCancel(ctx)
	back := &cutover{
		run: r, from: c.to, to: c.from, fromName: c.toName, toName: c.fromName,
		subject: proof.Subject{Connector: c.toName, Group: c.subject.Group},
		sink:    c.sink, shared: c.shared, keep: c.keep, onTo: c.final, marked: true, back: true,
		fromPlace: c.toPlace, toPlace: c.fromPlace, way: c.way,
	}
	if c.path != nil {
		back.translates(func(ctx context.Context, theirs offset.Document) (translated, error) {
			return c.path.back(ctx, c.final, theirs)
		})
	}
	progress := "with its progress"
	if _, regressed := errors.AsType[*regressedError](cause); regressed {
		back.keepOwn, progress = true, "with the offsets it had, since the copy's are behind them"
	}
	err := markBack(ctx, c.from, c.fromName, c.keep)
	if err == nil {
		err = back.do(ctx)
	}
	if err != nil {
		r.observeEnd(ctx)
		r.result.Instructions = "look at both clusters with `ferry status`, then run `ferry rollback` again"
		return r.fail(ctx, &notPutBackError{cause, err})
	}
	if c.path != nil { // both ways count
		r.result.SentAgain = sum(c.again, back.again)
	}
	r.leaveNothing(ctx, false, offset.Document{})
	back.unmarkPaused(ctx)
	r.observeEnd(ctx)
	r.end(event.RolledBack, fmt.Sprintf("%s; rolled back to %s %s, %d offset entries", cause, c.from.Name, progress, back.onTo.Len()))
	r.toldHanging(ctx, cause)
	return r.result
}
