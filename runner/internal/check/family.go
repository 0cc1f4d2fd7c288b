package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// familyOf refuses moves that are known to go wrong with connectors of this kind.
func familyOf(ctx context.Context, f *facts) (string, error) {
	kind := family.For(f.seen.Origin.Config)
	said := "ferry knows nothing about this kind of connector and assumes that it continues from the offsets that Connect keeps"
	if kind.Known() {
		said = kind.Name + ": " + kind.Say
	}
	var committed offset.Document
	if f.opened != nil {
		committed = f.opened.Offsets
	}
	var against []string
	for _, finding := range kind.Judge(family.Case{
		Origin: f.withDefaults(config.WithoutMarks(f.seen.Origin.Config), 0, kind.Kept()),
		Copy:   f.withDefaults(f.config(), 1, kind.Kept()), Name: f.request.Connector, CopyName: f.request.TargetName(),
		Offsets: committed, OtherKafka: !f.oneKafka(), SameLog: f.request.SameLog, OtherTopics: f.otherTopics(),
	}) {
		switch {
		case finding.Verdict == family.Loss:
			against = append(against, finding.Reason)
		case finding.Verdict == family.Twice && !f.AllowDuplicates:
			against = append(against, finding.Reason+"; --allow-duplicates accepts that records are sent again")
		default:
			f.warn("%s", finding.Reason)
		}
	}
	if len(against) > 0 {
		return "", cluster.Refused(fmt.Sprintf("%s: %s", kind.Name, strings.Join(against, " | ")))
	}
	stays, err := f.secondPosition(ctx, kind)
	return said + stays, err
}

// otherTopics reports whether the copy of a sink consumes topics of other names only. What
// topics.regex finds is not known.
func (f *facts) otherTopics() bool {
	ours, theirs := config.Topics(f.seen.Origin.Config), config.Topics(f.config())
	return len(ours) > 0 && len(theirs) > 0 && !slices.ContainsFunc(theirs, func(topic string) bool { return slices.Contains(ours, topic) })
}

// secondPosition says that a sink's second position stays where it is. It reads the groups
// that the proof will read, so that one which cannot be read is found before the stop, and
// warns if none can.
func (f *facts) secondPosition(ctx context.Context, kind family.Family) (string, error) {
	if kind.Also == nil || !f.oneKafka() {
		return "", nil
	}
	names := kind.SecondGroups(f.request.Connector, f.seen.Origin.Config)
	if len(names) == 0 {
		return "; its position is also in " + kind.Also.In + ", which stays as it is", nil
	}
	shown := strings.Join(names, " and ")
	groups, unknown := f.request.Origin.Kafka.Groups.Get()
	if unknown != nil {
		f.warn("whether group %s is at rest too cannot be seen without the Kafka of %s: name it in the clusters file", shown, f.request.Origin.Name)
		names = nil
	}
	for _, name := range names {
		if _, err := groups.Group(ctx, name); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("; its position is also in %s (group %s), which stays as it is", kind.Also.In, shown), nil
}
