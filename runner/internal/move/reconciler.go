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

// targetStates follows the target states that are written for one connector to its
// cluster's config topic. They are there before any worker acts on them, and so before
// REST shows them: a worker that waits for a rebalance acts seconds later.
type targetStates struct {
	of    instance.Instance
	topic cluster.ConfigTopic // nil if not known: then only REST shows a resume
	since int64
	// ownResume says that this run has resumed the connector too, so a late resume may be
	// its own.
	ownResume bool
}

// follow begins at the present end of the config topic.
func (r *run) follow(ctx context.Context, of instance.Instance) targetStates {
	known := targetStates{of: of}
	topic, err := of.Cluster.ConfigTopic()
	if err != nil {
		return known
	}
	if known.since, err = topic.End(ctx); err != nil {
		r.note(event.Info, "config topic of %s cannot be read, so only its workers show whether somebody resumes the connector: %s", of.On(), err)
		return known
	}
	known.topic = topic
	return known
}

// asked returns the target states written since then, in order; none if the topic is not
// known.
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

// resumed is the message that somebody resumed the connector, when, and when they may do
// so again.
func (t targetStates) resumed(when, again string) string {
	return fmt.Sprintf("another run, or somebody such as a reconciler, asked the connector on %s to run %s, and may ask again %s; find out who before the next try",
		t.of.On(), when, again)
}

// refuseReconciler makes sure, before the connector is stopped, that nobody has resumed
// it since the run began: a reconciler would do so again.
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

// notResumed makes sure that nobody has resumed the connector. A resume that this run's
// stop came after is refused too: a reconciler may send the next one right after this
// look.
func (t targetStates) notResumed(ctx context.Context) error {
	states, err := t.asked(ctx)
	if err != nil {
		return fmt.Errorf("interlock: %w", err)
	}
	if len(states) > 0 && states[len(states)-1] == connect.Running {
		return instance.Interfered("another run or somebody started the connector on %s: its resume is written, and its workers follow at any moment", t.of.On())
	}
	if !t.ownResume && slices.Contains(states, connect.Running) {
		return errors.New("interlock: " + t.resumed("while it was brought to rest", "at any moment"))
	}
	return nil
}
