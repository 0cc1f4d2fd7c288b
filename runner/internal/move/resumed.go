package move

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// targetStates are what is asked of one connector, as its cluster's config topic has
// it: before any worker has followed, and so before REST shows it. A worker that
// waits for a rebalance follows seconds later.
type targetStates struct {
	cluster   *Cluster
	connector string
	topic     ConfigTopic // nil: not known
	since     int64
	// ownToo says that this run has asked the connector to run, too, and that this may
	// be carried out late.
	ownToo bool
}

// follow takes note of where the topic ends now. Where it is not known, REST alone
// has to tell who resumed a connector.
func (m *Mover) follow(ctx context.Context, cluster *Cluster, connector string) targetStates {
	known := targetStates{cluster: cluster, connector: connector}
	if cluster.Configs == nil {
		return known
	}
	topic, err := cluster.Configs()
	if err != nil {
		return known
	}
	if known.since, err = topic.End(ctx); err != nil {
		m.note(connector, event.Info, "config topic of %s cannot be read, so that only its workers tell whether somebody resumes the connector: %s", cluster.Name, err)
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
	states, err := t.topic.TargetStatesSince(ctx, t.connector, t.since)
	if err != nil {
		return nil, fmt.Errorf("what is asked of the connector on %s: %w", t.cluster.Name, err)
	}
	return states, nil
}

// pressed says that somebody has asked the connector to run, when, and what of it.
func (t targetStates) pressed(when, then string) string {
	return fmt.Sprintf("another run, or somebody such as a reconciler, asked the connector on %s to run %s, and may ask again %s; find out who before the next try",
		t.cluster.Name, when, then)
}

// leftAlone makes sure, before the connector is brought to rest, that nobody presses
// it to run: a reconciler, which would go on with that, or another run.
func (t targetStates) leftAlone(ctx context.Context) error {
	states, err := t.asked(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(states, connect.Running) {
		return refused(t.pressed("since this run began", "once it is stopped"))
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
		return &interferedError{what: fmt.Sprintf("another run or somebody started the connector on %s: its resume is written, and its workers follow at any moment", t.cluster.Name)}
	}
	if !t.ownToo && slices.Contains(states, connect.Running) {
		return errors.New("interlock: " + t.pressed("while it was brought to rest", "at any moment"))
	}
	return nil
}
