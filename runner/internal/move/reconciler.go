package move

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
)

// targetStates are the states that are asked of one connector, as its cluster's config
// topic has them: before any worker has followed, and so before REST shows it. A worker
// that waits for a rebalance follows seconds later.
type targetStates struct {
	of    instance.Instance
	topic cluster.ConfigTopic // nil: not known, so that REST alone tells who resumed it
	since int64
	// ownToo says that this run has asked the connector to run, too, and that this may
	// be carried out late.
	ownToo bool
}

// follow takes note of where the topic ends now.
func (r *run) follow(ctx context.Context, of instance.Instance) targetStates {
	known := targetStates{of: of}
	topic, err := of.Cluster.ConfigTopic()
	if err != nil {
		return known
	}
	if known.since, err = topic.End(ctx); err != nil {
		r.note(event.Info, "config topic of %s cannot be read, so that only its workers tell whether somebody resumes the connector: %s", of.On(), err)
		return known
	}
	known.topic = topic
	return known
}

// asked returns what was asked of the connector since then, in order; nothing where
// that is not known.
func (t targetStates) asked(ctx context.Context) ([]connect.State, error) {
	if t.topic == nil {
		return nil, nil
	}
	states, err := t.topic.TargetStatesSince(ctx, t.of.Name, t.since)
	if err != nil {
		return nil, fmt.Errorf("what is asked of the connector on %s: %w", t.of.On(), err)
	}
	return states, nil
}

// resumed says that somebody has asked the connector to run, when, and when they may
// do it again.
func (t targetStates) resumed(when, again string) string {
	return fmt.Sprintf("another run, or somebody such as a reconciler, asked the connector on %s to run %s, and may ask again %s; find out who before the next try",
		t.of.On(), when, again)
}

// refuseReconciler makes sure, before the connector is brought to rest, that nobody
// keeps resuming it: a reconciler, which would go on with that, or another run.
func (t targetStates) refuseReconciler(ctx context.Context) error {
	states, err := t.asked(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(states, connect.Running) {
		return cluster.Refused(t.resumed("since this run began", "once it is stopped"))
	}
	return nil
}

// notResumed makes sure that nobody has asked the connector to run. If what was asked
// last is something else, as of a reconciler that this run's stop has overtaken, it
// may be asked again at any moment, and too late for a look.
func (t targetStates) notResumed(ctx context.Context) error {
	states, err := t.asked(ctx)
	if err != nil {
		return fmt.Errorf("interlock: %w", err)
	}
	if len(states) > 0 && states[len(states)-1] == connect.Running {
		return instance.Interfered("another run or somebody started the connector on %s: its resume is written, and its workers follow at any moment", t.of.On())
	}
	if !t.ownToo && slices.Contains(states, connect.Running) {
		return errors.New("interlock: " + t.resumed("while it was brought to rest", "at any moment"))
	}
	return nil
}
