package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// State is where the move of a connector stands.
type State string

// The states, as the table in the README has them.
const (
	NotBegun     State = "not_begun"     // runs, absent
	Prepared     State = "prepared"      // runs, stopped without tasks
	HalfCopied   State = "half_copied"   // stopped, stopped, offsets differ
	Copied       State = "copied"        // stopped, stopped, offsets equal
	Moved        State = "moved"         // stopped, runs
	Accepted     State = "accepted"      // absent, runs
	RunningTwice State = "running_twice" // runs, runs; neither is paused
	Absent       State = "absent"        // absent, absent
	Unclear      State = "unclear"       // anything else, such as absent, stopped
)

// was is the state in which the connector was before the move began, and in
// which its copy is to end. Of a connector that rests while its copy waits
// without a mark, an earlier run of the move was the one that brought it to rest.
func (o Observation) was() connect.State {
	from := o.Origin.State()
	if from != connect.Paused && from != connect.Stopped {
		return connect.Running
	}
	if marked := backState(o.Origin.Config); marked != "" {
		return marked // a rollback that was killed
	}
	if !o.Target.Exists || keepState(o.Target.Config) == idle {
		return from
	}
	if marked := keepState(o.Target.Config); marked != "" {
		return marked
	}
	return connect.Running
}

// Side is what one cluster says of a connector.
type Side struct {
	Exists bool
	Status connect.Status
	Tasks  []int
	Config rawjson.Object
	noStop bool // its workers know no stop, so that it rests when it is paused
	// Offsets are only read from a side that is stopped.
	Offsets offset.Document
}

// State is the connector's state, or "" if it does not exist.
func (s Side) State() connect.State { return s.Status.Connector.State }

// stopped reports whether the connector is at rest: stopped and without tasks, or,
// where the workers know no stop, paused with all of its tasks.
func (s Side) stopped() bool {
	if s.noStop {
		return s.Exists && s.State() == connect.Paused &&
			!slices.ContainsFunc(s.Status.Tasks, func(task connect.TaskStatus) bool {
				return task.State == connect.Running || task.State == connect.Restarting
			})
	}
	return s.Exists && s.State() == connect.Stopped && len(s.Status.Tasks) == 0 && len(s.Tasks) == 0
}

// active reports whether the connector runs, or would run if its tasks did not
// fail or rest.
func (s Side) active() bool {
	return s.Exists && s.State() != connect.Stopped && !(s.noStop && s.State() == connect.Paused)
}

func (s Side) sink() bool { return s.Status.Type == "sink" }

// awake reports whether a connector runs, or rests only until it is resumed.
// UNASSIGNED is neither: a stopped connector is that while its config is put or
// its worker changes.
func (c *Cluster) awake(status connect.Status) bool {
	resting := func(state connect.State) bool { return state == c.restState() || state == connect.Unassigned }
	return !resting(status.Connector.State) || slices.ContainsFunc(status.Tasks, func(task connect.TaskStatus) bool { return !resting(task.State) })
}

// Observation is what both clusters say of one connector.
type Observation struct {
	Origin, Target Side
	// translated says of a sink at rest on two Kafka clusters that the target's
	// offsets are those of the origin, as they are there; nil if they are not.
	translated *translated
}

// State derives where the move stands.
func (o Observation) State() State {
	switch {
	case !o.Origin.Exists && !o.Target.Exists:
		return Absent
	case !o.Target.Exists:
		return NotBegun
	case !o.Origin.Exists && o.Target.active():
		return Accepted
	case o.Origin.active() && o.Target.active() && o.Origin.State() != connect.Paused && o.Target.State() != connect.Paused:
		return RunningTwice
	case o.Origin.active() && o.Target.stopped():
		return Prepared
	case o.Origin.stopped() && o.Target.active():
		return Moved
	case o.Origin.stopped() && o.Target.stopped():
		return o.bothStopped()
	default:
		return Unclear
	}
}

// bothStopped tells moves of which both copies are stopped apart.
func (o Observation) bothStopped() State {
	equal := o.translated != nil || offset.Equal(o.Origin.Offsets, o.Target.Offsets)
	switch marked := keepState(o.Target.Config); {
	case marked == idle && backState(o.Origin.Config) == "":
		return Prepared
	case marked == connect.Stopped && equal, marked == connect.Paused && o.Target.noStop && equal:
		return Moved
	case equal:
		return Copied
	default:
		return HalfCopied
	}
}

// rollingBack reports whether a rollback was begun and not ended.
func (o Observation) rollingBack() bool {
	return o.Origin.stopped() && o.Target.Exists && backState(o.Origin.Config) != ""
}

// Observe looks at both clusters. It writes nothing.
func (m *Mover) Observe(ctx context.Context, request Request) (Observation, error) {
	origin, err := m.observeSide(ctx, request.Origin, request.Connector)
	if err != nil {
		return Observation{}, fmt.Errorf("connector %q on %s: %w", request.Connector, request.Origin.Name, err)
	}
	target, err := m.observeSide(ctx, request.Target, request.targetName())
	if err != nil {
		return Observation{}, fmt.Errorf("connector %q on %s: %w", request.targetName(), request.Target.Name, err)
	}
	observed := Observation{Origin: origin, Target: target}
	// Offsets tell copied from half copied, and of a side that runs they change
	// under our eyes.
	if origin.stopped() && target.stopped() {
		if observed.Origin.Offsets, observed.Target.Offsets, err = restingOffsets(ctx, request, observed); err != nil {
			return Observation{}, err
		}
		observed.translated = translatedFor(ctx, request, observed)
	}
	return observed, nil
}

// restingOffsets reads the offsets of two connectors at rest. What REST cannot
// carry is compared as REST shows it, null, if the topics are not known.
func restingOffsets(ctx context.Context, request Request, observed Observation) (ours, theirs offset.Document, err error) {
	from, to, way, err := request.places(observed)
	if err != nil {
		return ours, theirs, err
	}
	if way == ByREST {
		if ours, err = rawOffsets(ctx, request.Origin, request.Connector); err != nil {
			return ours, theirs, err
		}
		if len(ours.Unreadable()) == 0 || request.Copy == ByREST || request.topicsKnown() != nil {
			theirs, err = rawOffsets(ctx, request.Target, request.targetName())
			return ours, theirs, err
		}
		if from, to, err = request.on(ByTopic, observed); err != nil {
			return ours, theirs, err
		}
	}
	if ours, err = from.read(ctx); err != nil {
		return ours, theirs, fmt.Errorf("offsets of %q on %s: %w", request.Connector, request.Origin.Name, err)
	}
	if theirs, err = to.read(ctx); err != nil {
		return ours, theirs, fmt.Errorf("offsets of %q on %s: %w", request.targetName(), request.Target.Name, err)
	}
	return ours, theirs, nil
}

func (m *Mover) observeSide(ctx context.Context, cluster *Cluster, connector string) (Side, error) {
	if connector == "." || connector == ".." {
		return Side{}, refused(fmt.Sprintf("a connector named %q cannot be asked for, since no URL can name it", connector))
	}
	if _, err := cluster.versionOf(ctx); err != nil {
		return Side{}, err
	}
	config, err := cluster.Client.Config(ctx, connector)
	if connect.IsNotFound(err) {
		return Side{}, nil
	}
	if connect.IsBadRequest(err) && strings.ContainsAny(connector, `/%\`) {
		return Side{}, refused(fmt.Sprintf("the workers answer no request about a connector with %q in its name (Kafka Connect 4 does not), so it can only be re-created under another name",
			connector[strings.IndexAny(connector, `/%\`)]))
	}
	if err != nil {
		return Side{}, err
	}
	learn(m.Mask, config)
	side := Side{Exists: true, Config: config, noStop: !cluster.has(stopSince)}
	if side.Tasks, err = cluster.Client.Tasks(ctx, connector); err != nil {
		return Side{}, err
	}
	side.Status, err = cluster.Client.Status(ctx, connector)
	if connect.IsNotFound(err) {
		// Connect reports the status only once a worker has taken the connector on.
		side.Status.Connector.State = connect.Unassigned
		return side, nil
	}
	return side, err
}

// rawOffsets reads offsets without judging nulls.
func rawOffsets(ctx context.Context, cluster *Cluster, connector string) (offset.Document, error) {
	value, err := cluster.Client.Offsets(ctx, connector)
	if err != nil {
		return offset.Document{}, fmt.Errorf("offsets of %q on %s: %w", connector, cluster.Name, err)
	}
	document, err := offset.Parse(value)
	if err != nil {
		return offset.Document{}, fmt.Errorf("offsets of %q on %s: %w", connector, cluster.Name, err)
	}
	return document, nil
}
