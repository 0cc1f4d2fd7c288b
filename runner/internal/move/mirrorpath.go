package move

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// mirrorPath is a way on which MirrorMaker 2 brings the topics of a sink from the
// origin's Kafka to the target's and notes where its group would go on there.
type mirrorPath struct {
	checkpoints kafka.MirrorTopic
	group       string // of the sink on the origin
	// prefix is what MirrorMaker puts before a topic's name, "" with a policy that
	// keeps the names.
	prefix string
	// source is the origin's Kafka, nil if the clusters file does not name it.
	source, target MirrorLog
}

// name is that of a topic on the target.
func (m *mirrorPath) name(source string) string { return m.prefix + source }

// noPathError says why the offsets of a sink cannot be translated.
type noPathError struct{ reason string }

func (e *noPathError) Error() string { return e.reason }

// mirrorPath finds the way on which MirrorMaker 2 brings a sink's topics to the
// target. committed are the offsets of its group on the origin. The error is a
// [noPathError] if there is none, and a [RefusedError] if there are several and
// the config of the copy does not tell which is meant.
func (r Request) mirrorPath(ctx context.Context, group string, committed offset.Document, origin, copied rawjson.Object) (*mirrorPath, error) {
	none := func(format string, arguments ...any) (*mirrorPath, error) {
		return nil, &noPathError{fmt.Sprintf(format, arguments...)}
	}
	if r.Target.Mirrors == nil {
		return none("the Kafka of %s is not named in the clusters file", r.Target.Name)
	}
	const servers = "consumer.override.bootstrap.servers"
	if origin.Text(servers) != "" || copied.Text(servers) != "" {
		return none("its records come from a Kafka of its own (%s)", servers)
	}
	target := r.Target.Mirrors.Log
	topics, err := target.MirrorTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Target.Name, err)
	}
	known, err := positionsOf(committed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Origin.Name, err)
	}
	var source MirrorLog
	if r.Origin.Mirrors != nil {
		source = r.Origin.Mirrors.Log
	}
	var paths []*mirrorPath
	var others []string
	for _, topic := range topics.Checkpoints {
		checkpoints, err := target.Checkpoints(ctx, topic.Name, group)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Target.Name, err)
		}
		if prefix, fits := prefixOf(topic, checkpoints, append(known.topics(), listed(origin)...)); fits {
			paths = append(paths, &mirrorPath{checkpoints: topic, group: group, prefix: prefix, source: source, target: target})
		} else if len(checkpoints) > 0 {
			others = append(others, topic.Name)
		}
	}
	switch {
	case len(topics.Checkpoints) == 0:
		return none("there is no topic with checkpoints in the Kafka of %s", r.Target.Name)
	case len(paths) == 0 && len(others) > 0:
		return none("the checkpoints of group %s in %s on %s are for other topics than %s, or for names of a policy that ferry does not know",
			group, strings.Join(others, ", "), r.Target.Name, strings.Join(known.topics(), ", "))
	case len(paths) == 0:
		return none("%s on %s has no checkpoint for group %s", names(topics.Checkpoints), r.Target.Name, group)
	}
	return onlyOne(paths, known, copied, r.Target.Name)
}

func names(topics []kafka.MirrorTopic) string {
	var all []string
	for _, topic := range topics {
		all = append(all, topic.Name)
	}
	return abbreviated(all)
}

// prefixOf finds out how MirrorMaker names topics on the target, by the checkpoints
// of a group and the topics it consumes. The separator of a topic's name may be
// another than that of MirrorMaker's own topics
// (replication.policy.internal.topic.separator.enabled).
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

// onlyOne chooses the way whose topics the copy consumes.
func onlyOne(paths []*mirrorPath, committed positions, copied rawjson.Object, target string) (*mirrorPath, error) {
	if len(paths) == 1 {
		return paths[0], nil
	}
	var meant []*mirrorPath
	var all []string
	for _, path := range paths {
		all = append(all, path.checkpoints.Name)
		if missing, err := path.notConsumed(committed.topics(), copied); err == nil && len(missing) == 0 {
			meant = append(meant, path)
		}
	}
	if len(meant) == 1 {
		return meant[0], nil
	}
	return nil, refused(fmt.Sprintf("several MirrorMakers have checkpoints for group %s on %s (%s), and the copy's topics do not tell which of them is meant; "+
		"name the topics as they are called on %s with --set topics=...", paths[0].group, target, strings.Join(all, ", "), target))
}

// listed are the topics that a sink's config names one by one.
func listed(config rawjson.Object) []string {
	return strings.FieldsFunc(config.Text("topics"), func(c rune) bool { return c == ',' || c == ' ' })
}

// notConsumed returns the names that topics have on the target and that the copy
// does not consume. The error says that its pattern cannot be judged.
func (m *mirrorPath) notConsumed(sources []string, copied rawjson.Object) (missing []string, err error) {
	consumed := func(topic string) bool { return slices.Contains(listed(copied), topic) }
	if pattern := copied.Text("topics.regex"); pattern != "" {
		compiled, err := regexp.Compile("^(?:" + pattern + ")$")
		if err != nil {
			return nil, fmt.Errorf("ferry cannot tell which topics topics.regex means, as it is not written as Go has it: %w", err)
		}
		consumed = compiled.MatchString
	}
	for _, source := range sources {
		if name := m.name(source); !consumed(name) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// syncsOf are the offset syncs of each source partition that still stand, in the
// order in which they were written.
type syncsOf map[partition][]kafka.OffsetSync

// standing sorts the records of an offset-syncs topic. Where the target's offsets
// go back, its topic was made anew, and what was noted before means nothing.
func standing(records []kafka.OffsetSync) syncsOf {
	syncs := syncsOf{}
	for _, sync := range records {
		where := partition{sync.Topic, sync.Partition}
		before := syncs[where]
		if last := len(before) - 1; last >= 0 {
			if before[last] == sync {
				continue
			}
			if sync.Downstream <= before[last].Downstream {
				before = nil
			}
		}
		syncs[where] = append(before, sync)
	}
	return syncs
}

// syncs reads the offset syncs from where MirrorMaker may keep them: in the
// target's Kafka, under the alias of the source, or in the source's, under an
// alias of the target that is not known here. Which of them are true is for
// [mirrorPath.compare] to say.
func (m *mirrorPath) syncs(ctx context.Context) ([]syncsOf, error) {
	var sets []syncsOf
	read := func(log MirrorLog, ours func(kafka.MirrorTopic) bool) error {
		topics, err := log.MirrorTopics(ctx)
		if err != nil {
			return err
		}
		for _, topic := range topics.OffsetSyncs {
			if !ours(topic) {
				continue
			}
			records, err := log.OffsetSyncs(ctx, topic.Name)
			if err != nil {
				return err
			}
			sets = append(sets, standing(records))
		}
		return nil
	}
	if err := read(m.target, func(topic kafka.MirrorTopic) bool { return topic.Alias == m.checkpoints.Alias }); err != nil {
		return nil, err
	}
	if m.source == nil {
		return sets, nil
	}
	return sets, read(m.source, func(kafka.MirrorTopic) bool { return true })
}

// compare chooses for each source partition the last offset sync that fits a
// position, and compares the two records that it says are one. proven are those
// that are, denied those that are not: then the sync is of another pair of
// clusters, one of the topics was made anew, or MirrorMaker changes what it copies.
// Of partitions in neither, nothing can be told.
func (m *mirrorPath) compare(ctx context.Context, sets []syncsOf, at positions, fits func(sync kafka.OffsetSync, at int64) bool) (proven, denied map[partition]kafka.OffsetSync, err error) {
	proven, denied = map[partition]kafka.OffsetSync{}, map[partition]kafka.OffsetSync{}
	if m.source == nil {
		return proven, denied, nil
	}
	for _, set := range sets {
		upstream, downstream := map[string]map[int32]int64{}, map[string]map[int32]int64{}
		chosen := map[partition]kafka.OffsetSync{}
		for where, position := range at {
			if _, done := proven[where]; done {
				continue
			}
			for _, sync := range set[where] {
				if fits(sync, position) {
					chosen[where] = sync
				}
			}
			if sync, found := chosen[where]; found {
				put(upstream, where.topic, where.number, sync.Upstream)
				put(downstream, m.name(where.topic), where.number, sync.Downstream)
			}
		}
		ours, err := recordsAt(ctx, m.source, upstream)
		if err != nil {
			return nil, nil, err
		}
		theirs, err := recordsAt(ctx, m.target, downstream)
		if err != nil {
			return nil, nil, err
		}
		for where, sync := range chosen {
			original, has := ours[where]
			copied, copyHas := theirs[partition{m.name(where.topic), where.number}]
			switch {
			case !has || !copyHas:
			case original.CopiedAs(copied):
				proven[where] = sync
				delete(denied, where)
			default:
				denied[where] = sync
			}
		}
	}
	return proven, denied, nil
}

func put(all map[string]map[int32]int64, topic string, number int32, offset int64) {
	if all[topic] == nil {
		all[topic] = map[int32]int64{}
	}
	all[topic][number] = offset
}

func recordsAt(ctx context.Context, log MirrorLog, offsets map[string]map[int32]int64) (map[partition]kafka.Fingerprint, error) {
	found := map[partition]kafka.Fingerprint{}
	for _, topic := range slices.Sorted(maps.Keys(offsets)) {
		records, err := log.RecordsAt(ctx, topic, offsets[topic])
		if err != nil {
			return nil, err
		}
		for number, record := range records {
			found[partition{topic, number}] = record
		}
	}
	return found, nil
}

func boundsOf(ctx context.Context, log MirrorLog, topics []string) (map[partition]kafka.Bounds, error) {
	all := map[partition]kafka.Bounds{}
	for _, topic := range topics {
		bounds, err := log.Bounds(ctx, topic)
		if err != nil {
			return nil, err
		}
		for number, each := range bounds {
			all[partition{topic, number}] = each
		}
	}
	return all, nil
}
