package move

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// checked is what the checks found out, for the steps that follow.
type checked struct {
	observed Observation
	state    State
	kind     string // "source" or "sink"
	config   rawjson.Object
	offsets  offset.Document // of the origin, while it ran
	way      Way             // on which the offsets travel
	from, to place
	group    string      // of a sink
	oneKafka bool        // both Connect clusters are on one Kafka cluster
	shared   bool        // both sides have the offsets in one place: nothing to copy
	path     *mirrorPath // on which a sink's offsets are translated for another Kafka; nil if they are not
	checks   []event.Check
}

func (c *checked) pass(check, reason string) {
	c.checks = append(c.checks, event.Check{Check: check, OK: true, Reason: reason})
}

// check looks at everything that speaks for or against the move. It writes
// nothing. An error of type [RefusedError] is a no, any other means that the
// answer could not be found.
func (m *Mover) check(ctx context.Context, request Request) (*checked, error) {
	found := &checked{}
	for _, part := range []struct {
		name string
		look func(context.Context, Request, *checked) error
	}{
		{"state", m.checkState},
		{"versions", m.checkVersions},
		{"config", m.checkConfig},
		{"plugin", m.checkPlugin},
		{"validation", m.checkValidation},
		{"exactly_once", m.checkExactlyOnce},
		{"name", m.checkName},
		{"offsets", m.checkOffsets},
		{"checkpoints", m.checkCheckpoints},
		{"family", m.checkFamily},
	} {
		if err := part.look(ctx, request, found); err != nil {
			found.checks = append(found.checks, event.Check{Check: part.name, OK: false, Reason: err.Error()})
			return found, err
		}
		if part.name == "state" && !found.unfinished() {
			return found, nil
		}
	}
	return found, nil
}

// unfinished reports whether the move has steps left.
func (c *checked) unfinished() bool { return c.state != Moved && c.state != Accepted }

func (m *Mover) checkState(ctx context.Context, request Request, found *checked) error {
	observed, err := m.Observe(ctx, request)
	if err != nil {
		return err
	}
	found.observed, found.state = observed, observed.State()
	origin, target := request.Origin.Name, request.Target.Name
	if err := otherConnector(request, observed); err != nil {
		return err
	}
	switch found.state {
	case Absent:
		return missingConnector(request.Origin, request.Connector, &connect.ResponseError{Status: 404})
	case RunningTwice:
		return &RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s and sends everything twice; stop one of the two now", origin, target)}
	case Unclear:
		return refused(fmt.Sprintf("connector is %s on %s and %s on %s, from which no move can be told; bring one of the two to a clear state",
			describe(observed.Origin), origin, describe(observed.Target), target))
	case NotBegun, Prepared, HalfCopied, Copied, Moved, Accepted:
	}
	found.kind = observed.Origin.Status.Type
	found.pass("state", string(found.state))
	return nil
}

// otherConnector refuses a connector on the target that is not a copy of this
// one. A moved copy may have been changed since, but never into another class;
// a copy that runs beside its origin and has another config is not one of ours.
func otherConnector(request Request, observed Observation) error {
	if !observed.Origin.Exists || !observed.Target.Exists {
		return nil
	}
	wanted := copyConfig(observed.Origin.Config, request)
	differing := differingKeys(withoutMarks(observed.Target.Config), wanted)
	another := slices.Contains(differing, "connector.class") || observed.State() == RunningTwice && len(differing) > 0
	if !another || request.Overwrite && observed.Target.stopped() {
		return nil
	}
	advice := "choose another name with --rename"
	if observed.State() == RunningTwice {
		advice += ", or, if it is a copy of this one, stop one of the two now"
	}
	return refused(fmt.Sprintf("name %q is taken on %s by a different connector (%s, it differs in %s); %s",
		request.targetName(), request.Target.Name, describe(observed.Target), strings.Join(differing, ", "), advice))
}

func describe(side Side) string {
	if !side.Exists {
		return "absent"
	}
	if tasks := max(len(side.Tasks), len(side.Status.Tasks)); tasks > 0 {
		return fmt.Sprintf("%s with %d tasks", side.State(), tasks)
	}
	return string(side.State())
}

func (m *Mover) checkVersions(ctx context.Context, request Request, found *checked) error {
	origin, err := server(ctx, request.Origin)
	if err != nil {
		return err
	}
	target, err := server(ctx, request.Target)
	if err != nil {
		return err
	}
	if err := able(request, origin, target); err != nil {
		return err
	}
	found.oneKafka = origin.KafkaClusterID == target.KafkaClusterID
	found.pass("versions", fmt.Sprintf("%s on %s, %s on %s", origin.Version, request.Origin.Name, target.Version, request.Target.Name))
	if found.kind == "source" && !found.oneKafka && !request.OtherKafka {
		if servers := found.observed.Origin.Config.Text("producer.override.bootstrap.servers"); servers == "" || request.changes("producer.override.bootstrap.servers") {
			return refused(fmt.Sprintf("%s and %s belong to different Kafka clusters (%s and %s), so the connector's records would go to another one from then on; "+
				"accept it with --other-kafka, or set producer.override.bootstrap.servers", request.Origin.Name, request.Target.Name, origin.KafkaClusterID, target.KafkaClusterID))
		}
	}
	return nil
}

// able refuses workers that are too old for what is known of their Kafka.
func able(request Request, origin, target connect.Server) error {
	if err := need(request.Origin, origin, oldest, "ferry"); err != nil {
		return err
	}
	if err := need(request.Target, target, oldest, "ferry"); err != nil {
		return err
	}
	if err := need(request.Target, target, initialStateSince, "to create a connector stopped"); err != nil {
		if _, unknown := request.Target.configTopic(); unknown != nil {
			return refused(fmt.Sprintf("%s; or: %s", err, unknown))
		}
	}
	return nil
}

func (m *Mover) checkConfig(_ context.Context, request Request, found *checked) error {
	if masked := maskedKeys(found.observed.Origin.Config); len(masked) > 0 {
		return refused(fmt.Sprintf("%s hides the value of %s in the config it answers with, so a copy would not work; set it with --set",
			request.Origin.Name, strings.Join(masked, ", ")))
	}
	found.config = copyConfig(found.observed.Origin.Config, request)
	learn(m.Mask, found.config)
	if found.kind == "sink" {
		found.group = sinkGroup(request.Connector, found.observed.Origin.Config)
		found.shared = found.oneKafka && found.group == sinkGroup(request.targetName(), found.config)
	} else {
		found.shared = request.sharesTopic(found.observed.Origin.Config, found.config, found.oneKafka)
	}
	m.tellConverters(request, found.config)
	found.pass("config", fmt.Sprintf("%d settings, %d changed for the target", found.config.Len(), len(request.Set)+len(request.Unset)))
	return nil
}

// tellConverters tells of what a connector takes from its workers and REST does
// not show: with another default the copy writes, or expects, other bytes.
func (m *Mover) tellConverters(request Request, config rawjson.Object) {
	var missing []string
	for _, key := range []string{"key.converter", "value.converter"} {
		if config.Text(key) == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		m.note(request.Connector, event.Info, "the config leaves %s to the workers; make sure that those of %s have the same as those of %s, or give it with --set",
			strings.Join(missing, " and "), request.Target.Name, request.Origin.Name)
	}
}

func (m *Mover) checkPlugin(ctx context.Context, request Request, found *checked) error {
	class := found.config.Text("connector.class")
	theirs, err := request.Target.Client.Plugins(ctx)
	if err != nil {
		return fmt.Errorf("plugins of %s: %w", request.Target.Name, err)
	}
	there := slices.IndexFunc(theirs, func(plugin connect.Plugin) bool { return named(plugin.Class, class) })
	if there < 0 {
		return refused(fmt.Sprintf("%s lacks the plugin %s, install it on its workers; they have %s", request.Target.Name, class, classes(theirs)))
	}
	ours, err := request.Origin.Client.Plugins(ctx)
	if err != nil {
		return fmt.Errorf("plugins of %s: %w", request.Origin.Name, err)
	}
	here := slices.IndexFunc(ours, func(plugin connect.Plugin) bool { return named(plugin.Class, class) })
	reason := fmt.Sprintf("%s %s on %s", theirs[there].Class, theirs[there].Version, request.Target.Name)
	if here >= 0 && ours[here].Version != theirs[there].Version {
		reason += fmt.Sprintf(", another version than %s on %s", ours[here].Version, request.Origin.Name)
		m.note(request.Connector, event.Warn, "%s", reason)
	}
	found.pass("plugin", reason)
	return nil
}

// named reports whether a config means this class. Connect takes the full name,
// the simple name, and the simple name without Connector (PluginUtils.simpleName
// and prunedName).
func named(class, asked string) bool {
	simple := class[strings.LastIndexByte(class, '.')+1:]
	return asked == class || asked == simple || asked+"Connector" == simple
}

func classes(plugins []connect.Plugin) string {
	var names []string
	for _, plugin := range plugins {
		names = append(names, plugin.Class)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (m *Mover) checkValidation(ctx context.Context, request Request, found *checked) error {
	problems, err := request.Target.Client.Validate(ctx, found.config.Text("connector.class"), found.config)
	if err != nil {
		return fmt.Errorf("validate the config on %s: %w", request.Target.Name, err)
	}
	if len(problems) > 0 {
		var said []string
		for _, problem := range problems {
			said = append(said, problem.Name+": "+event.OneLine(strings.Join(problem.Errors, "; ")))
		}
		return refused(fmt.Sprintf("%s refuses the config: %s", request.Target.Name, strings.Join(said, " | ")))
	}
	found.pass("validation", request.Target.Name+" accepts the config")
	return nil
}

// checkName refuses a target whose connector of that name is not our copy.
func (m *Mover) checkName(_ context.Context, request Request, found *checked) error {
	target := found.observed.Target
	if !target.Exists {
		found.pass("name", "free on "+request.Target.Name)
		return nil
	}
	differing := differingKeys(withoutMarks(target.Config), found.config)
	if len(differing) > 0 && !request.Overwrite {
		return refused(fmt.Sprintf("name %q is taken on %s by a connector with another config (%s); delete it there, "+
			"choose another name with --rename, or replace it with --overwrite", request.targetName(), request.Target.Name, strings.Join(differing, ", ")))
	}
	found.pass("name", "held by the stopped copy of an earlier attempt")
	return nil
}

func (m *Mover) checkOffsets(ctx context.Context, request Request, found *checked) error {
	if found.shared && found.kind == "sink" {
		found.way = request.way(true)
		found.pass("offsets", "consumer group "+found.group+" is shared by both clusters, nothing to copy")
		return nil
	}
	opened, err := request.open(ctx, found.observed)
	if err != nil {
		return err
	}
	found.way, found.from, found.to, found.offsets = opened.way, opened.from, opened.to, opened.document
	reason := fmt.Sprintf("%d entries, %s", found.offsets.Len(), opened.how)
	if external(found.observed.Origin.Config) {
		reason = "mean nothing to a connector that acknowledges in the system it reads from, nothing to copy"
	} else if found.shared {
		reason = fmt.Sprintf("%d entries in a topic that both clusters read, nothing to copy", found.offsets.Len())
	}
	found.pass("offsets", reason)
	if unknown := request.topicsKnown(); unknown != nil && !request.Origin.has(alterOffsetsSince) {
		m.note(request.Connector, event.Warn, "there is no way back yet: workers before %s, as those of %s, take no offsets by REST, and %s",
			alterOffsetsSince, request.Origin.Name, unknown)
	}
	if found.kind == "sink" {
		return m.tellUncommitted(ctx, request, found)
	}
	return nil
}
