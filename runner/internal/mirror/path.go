// Package mirror translates the offsets of a sink for another Kafka cluster, using what
// MirrorMaker 2 writes: offset syncs, which pair records of the source with their copies
// on the target, and checkpoints, which say where a consumer group would continue.
//
// [Find] finds the [Path] by which the topics of a sink are mirrored to the target.
// [Path.Forward] translates the origin's offsets, [Path.Back] the target's on the way
// back. A translation is never ahead of the original offset, so nothing is lost. Where it
// is behind, records are sent again, and [Translation] says how many.
//
// The package also counts what a MirrorSourceConnector has written beyond its own offsets
// ([SentAgain]).
package mirror

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Path is one MirrorMaker 2 that mirrors the topics of a sink from the origin's Kafka to
// the target's and writes checkpoints for its group there.
type Path struct {
	checkpoints kafka.MirrorTopic
	group       string // of the sink on the origin
	// prefix is what MirrorMaker's replication policy puts before a topic's name, "" if
	// it keeps the names.
	prefix string
	// source is the origin's Kafka, nil if the clusters file does not name it: then no
	// records can be compared.
	source, target cluster.MirrorLog
	// unknown marks a way back for which it is no longer known how the offsets were
	// translated. Then only source is set.
	unknown bool
}

// Name returns the name on the target of a topic of the origin.
func (m *Path) Name(source string) string { return m.prefix + source }

// Renames reports whether topics have other names on the target.
func (m *Path) Renames() bool { return m.prefix != "" }

// Checkpoints returns the name of MirrorMaker's topic with the checkpoints.
func (m *Path) Checkpoints() string { return m.checkpoints.Name }

// NoPathError says why the offsets of a sink cannot be translated.
type NoPathError struct{ Reason string }

func (e *NoPathError) Error() string { return e.Reason }

// Search is what [Find] needs to know of a sink.
type Search struct {
	Origin, Target *cluster.Cluster
	Group          string          // of the sink on the origin
	Committed      offset.Document // its offsets there
	Config, Copy   rawjson.Object  // the configs of the sink and of its copy
}

// Find finds the MirrorMaker 2 that mirrors a sink's topics to the target. The error is a
// [NoPathError] if there is none, and a [cluster.RefusedError] if there are several and
// the config of the copy does not decide between them.
func Find(ctx context.Context, search Search) (*Path, error) {
	none := func(format string, arguments ...any) (*Path, error) {
		return nil, &NoPathError{fmt.Sprintf(format, arguments...)}
	}
	mirrors, err := search.Target.Mirrors()
	if err != nil {
		return none("%s", err)
	}
	if search.Config.Text(config.ConsumerServers) != "" || search.Copy.Text(config.ConsumerServers) != "" {
		return none("its records come from a Kafka of its own (%s)", config.ConsumerServers)
	}
	topics, err := mirrors.Log.MirrorTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", search.Target.Name, err)
	}
	known, err := PositionsOf(search.Committed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", search.Origin.Name, err)
	}
	var paths []*Path
	var others []string
	for _, topic := range topics.Checkpoints {
		checkpoints, err := mirrors.Log.Checkpoints(ctx, topic.Name, search.Group)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", search.Target.Name, err)
		}
		if prefix, fits := prefixOf(topic, checkpoints, append(known.Topics(), config.Topics(search.Config)...)); fits {
			paths = append(paths, &Path{checkpoints: topic, group: search.Group, prefix: prefix, source: sourceLog(search.Origin), target: mirrors.Log})
		} else if len(checkpoints) > 0 {
			others = append(others, topic.Name)
		}
	}
	switch {
	case len(topics.Checkpoints) == 0:
		return none("there is no topic with checkpoints in the Kafka of %s", search.Target.Name)
	case len(paths) == 0 && len(others) > 0:
		return none("the checkpoints of group %s in %s on %s are for other topics than %s, or for names of a policy that ferry does not know",
			search.Group, strings.Join(others, ", "), search.Target.Name, strings.Join(known.Topics(), ", "))
	case len(paths) == 0:
		return none("%s on %s has no checkpoint for group %s", names(topics.Checkpoints), search.Target.Name, search.Group)
	}
	return onlyOne(paths, known, search.Copy, search.Target.Name)
}

// sourceLog returns the origin's Kafka, nil if it is not known.
func sourceLog(origin *cluster.Cluster) cluster.MirrorLog {
	mirrors, err := origin.Mirrors()
	if err != nil {
		return nil
	}
	return mirrors.Log
}

func names(topics []kafka.MirrorTopic) string {
	var all []string
	for _, topic := range topics {
		all = append(all, topic.Name)
	}
	return event.Abbreviated(all)
}

// prefixOf derives MirrorMaker's prefix for topics on the target from the checkpoints of
// a group and the topics it consumes. The separator in topic names may differ from that
// of MirrorMaker's own topics (replication.policy.internal.topic.separator.enabled).
func prefixOf(topic kafka.MirrorTopic, checkpoints []kafka.Checkpoint, sources []string) (prefix string, fits bool) {
	there := map[string]bool{}
	for _, checkpoint := range checkpoints {
		there[checkpoint.Topic] = true
	}
	possible := []string{topic.Alias + topic.Separator, ""}
	var odd []string
	for name := range there {
		for _, source := range sources {
			if prefix, named := strings.CutSuffix(name, source); named && strings.HasPrefix(prefix, topic.Alias) && len(prefix) > len(topic.Alias) {
				odd = append(odd, prefix)
			}
		}
	}
	slices.SortFunc(odd, func(a, b string) int { return len(a) - len(b) })
	for _, prefix := range append(possible, odd...) {
		for _, source := range sources {
			if there[prefix+source] {
				return prefix, true
			}
		}
	}
	return "", false
}

// onlyOne chooses the path whose topics the copy consumes.
func onlyOne(paths []*Path, committed Positions, copied rawjson.Object, target string) (*Path, error) {
	if len(paths) == 1 {
		return paths[0], nil
	}
	var meant []*Path
	var all []string
	for _, path := range paths {
		all = append(all, path.checkpoints.Name)
		if missing, err := path.NotConsumed(committed.Topics(), copied); err == nil && len(missing) == 0 {
			meant = append(meant, path)
		}
	}
	if len(meant) == 1 {
		return meant[0], nil
	}
	return nil, cluster.Refused(fmt.Sprintf("several MirrorMakers have checkpoints for group %s on %s (%s), and the copy's topics do not tell which of them is meant; "+
		"name the topics as they are called on %s with --set topics=...", paths[0].group, target, strings.Join(all, ", "), target))
}

// NotConsumed returns the names on the target of those topics that the copy does not
// consume. The error says that its topics.regex cannot be evaluated.
func (m *Path) NotConsumed(sources []string, copied rawjson.Object) (missing []string, err error) {
	consumed := func(topic string) bool { return slices.Contains(config.Topics(copied), topic) }
	if pattern := copied.Text("topics.regex"); pattern != "" {
		compiled, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("ferry cannot tell which topics topics.regex means, since it is not a Go regular expression: %w", err)
		}
		consumed = compiled.MatchString
	}
	for _, source := range sources {
		if name := m.Name(source); !consumed(name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}
