// Package resumes follows who resumes a connector while a run works on it: a reconciler, such
// as a deployment tool, that wants it to run, or a person.
package resumes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
)

// Follower follows the target states that are written for one connector to its
// cluster's config topic. They are there before any worker acts on them, and so before
// REST shows them: a worker that waits for a rebalance acts seconds later.
type Follower struct {
	of    instance.Instance
	topic cluster.ConfigTopic // nil if not known: then only REST shows a resume
	since int64
	// OwnResume says that this run has resumed the connector too, so a late resume may be
	// its own.
	OwnResume bool
}

// Follow begins at the present end of the config topic. Its error says that the topic is
// known and cannot be read; the follower then knows only what REST shows, as it does if the
// topic is not known.
func Follow(ctx context.Context, of instance.Instance) (Follower, error) {
	known := Follower{of: of}
	topic, err := of.Cluster.ConfigTopic()
	if err != nil {
		return known, nil //nolint:nilerr // not known is no error
	}
	if known.since, err = topic.End(ctx); err != nil {
		return known, fmt.Errorf("config topic of %s cannot be read, so only its workers show whether somebody resumes the connector: %w", of.On(), err)
	}
	known.topic = topic
	return known, nil
}

// asked returns the target states written since then, in order; none if the topic is not
// known.
func (f Follower) asked(ctx context.Context) ([]connect.State, error) {
	if f.topic == nil {
		return nil, nil
	}
	states, err := f.topic.TargetStatesSince(ctx, f.of.Name, f.since)
	if err != nil {
		return nil, fmt.Errorf("what is asked of the connector on %s: %w", f.of.On(), err)
	}
	return states, nil
}

// resumed is the message that somebody resumed the connector, when, and when they may do
// so again.
func (f Follower) resumed(when, again string) string {
	return fmt.Sprintf("another run, or somebody such as a reconciler, asked the connector on %s to run %s, and may ask again %s; find out who before the next try",
		f.of.On(), when, again)
}

// RefuseReconciler makes sure, before the connector is stopped, that nobody has resumed
// it since the run began: a reconciler would do so again.
func (f Follower) RefuseReconciler(ctx context.Context) error {
	states, err := f.asked(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(states, connect.Running) {
		return cluster.Refused(f.resumed("since this run began", "once it is stopped"))
	}
	return nil
}

// NotResumed makes sure that nobody has resumed the connector. A resume that this run's
// stop came after is refused too: a reconciler may send the next one right after this
// look.
func (f Follower) NotResumed(ctx context.Context) error {
	states, err := f.asked(ctx)
	if err != nil {
		return fmt.Errorf("interlock: %w", err)
	}
	if len(states) > 0 && states[len(states)-1] == connect.Running {
		return instance.Interfered("another run or somebody started the connector on %s: its resume is written, and its workers follow at any moment", f.of.On())
	}
	if !f.OwnResume && slices.Contains(states, connect.Running) {
		return errors.New("interlock: " + f.resumed("while it was brought to rest", "at any moment"))
	}
	return nil
}
