package mirror

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Translation is the offsets of a sink, translated for another Kafka. They are never
// ahead of the original ones, so no record is lost. Where they are behind, records are
// sent again.
type Translation struct {
	Document offset.Document
	// again is the most records that are sent again, without those of the uncounted
	// partitions. It does not count what MirrorMaker itself writes twice later.
	again     int64
	uncounted []string
	why       string // why partitions are uncounted
	// aligned is how many records were matched one by one, see [alignment].
	aligned int64
}

// String says how many records are sent again.
func (t Translation) String() string {
	switch {
	case len(t.uncounted) == 0 && t.again == 0 && t.aligned > 0:
		return fmt.Sprintf("no records are sent again (%d matched one by one)", t.aligned)
	case len(t.uncounted) == 0 && t.again == 0:
		return "no records are sent again"
	case len(t.uncounted) == 0:
		return fmt.Sprintf("up to %s %s sent again", words.Count(t.again, "record"), words.Be(t.again))
	default:
		return fmt.Sprintf("the records that are sent again cannot be counted for %s, as %s", event.Abbreviated(t.uncounted), t.why)
	}
}

// Counted returns the most records that are sent again, nil if that is not known.
func (t Translation) Counted() *int64 {
	if len(t.uncounted) > 0 {
		return nil
	}
	return &t.again
}

// Aligned returns how many records of the two topics were matched one by one: where they are,
// the translated offset is exact.
func (t Translation) Aligned() int64 { return t.aligned }

func (t *Translation) count(where Partition, again int64) {
	if again < 0 {
		t.uncounted = append(t.uncounted, where.String())
		return
	}
	t.again += again
}

// notCounted is the count of records if it is not known.
const notCounted = -1

// Forward translates the committed offsets of the origin's group.
//
// An offset sync pairs a source record with its copy on the target. If the two records
// are equal, the group continues at the copy, or at the next record if it has consumed
// that one: MirrorMaker writes in order, so whatever the group has not consumed comes
// after. MirrorMaker since 3.5 makes its checkpoints the same way
// (OffsetSyncStore.translateDownstream); this uses the group's final offset instead of
// that of the last checkpoint. If no sync can be compared, the checkpoint counts.
func (m *Path) Forward(ctx context.Context, final offset.Document) (Translation, error) {
	look, err := m.lookForward(ctx, final)
	if err != nil {
		return Translation{}, err
	}
	there, result := Positions{}, Translation{why: "no offset sync of MirrorMaker can be compared with the records; " +
		"there its checkpoint counts, which is never ahead of the group if MirrorMaker is of Kafka 3.5 or later"}
	var problems []string
	for _, where := range look.committed.sorted() {
		at, again, problem := look.position(where)
		if problem != "" {
			problems = append(problems, fmt.Sprintf("%s: %s", where, problem))
			continue
		}
		if aligned, ok := look.aligned[where]; ok {
			at, again = aligned.at, aligned.again
			result.aligned += aligned.run
		}
		there[Partition{m.Name(where.topic), where.number}] = at
		result.count(where, again)
	}
	if len(problems) > 0 {
		return Translation{}, cluster.Refused(fmt.Sprintf("the offsets of %d of %s cannot be translated (%s)", len(problems), words.Count(len(look.committed), "partition"), shortened(problems)))
	}
	result.Document, err = there.document()
	return result, err
}

const problemsShown = 5

func shortened(problems []string) string {
	if more := len(problems) - problemsShown; more > 0 {
		return strings.Join(problems[:problemsShown], "; ") + fmt.Sprintf("; and %d more", more)
	}
	return strings.Join(problems, "; ")
}

// forwardLook is what both Kafkas say of a group's partitions on their way to the target.
type forwardLook struct {
	*Path
	committed   Positions
	checkpoints map[Partition]kafka.Checkpoint // by the names on the target
	sets        []syncsOf
	compared
	source, target map[Partition]kafka.Bounds // source is empty if that Kafka is not known
	aligned        map[Partition]alignment
}

func (m *Path) lookForward(ctx context.Context, final offset.Document) (*forwardLook, error) {
	committed, err := PositionsOf(final)
	if err != nil {
		return nil, err
	}
	look := &forwardLook{Path: m, committed: committed, checkpoints: map[Partition]kafka.Checkpoint{}}
	checkpoints, err := m.target.Checkpoints(ctx, m.checkpoints.Name, m.group)
	if err != nil {
		return nil, err
	}
	for _, checkpoint := range checkpoints {
		look.checkpoints[Partition{checkpoint.Topic, checkpoint.Partition}] = checkpoint
	}
	if look.sets, err = m.syncs(ctx); err != nil {
		return nil, err
	}
	look.compared, err = m.compare(ctx, look.sets, committed, func(sync kafka.OffsetSync, at int64) bool { return sync.Upstream <= at })
	if err != nil {
		return nil, err
	}
	if m.source != nil {
		if look.source, err = boundsOf(ctx, m.source, committed.Topics()); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, topic := range committed.Topics() {
		names = append(names, m.Name(topic))
	}
	if look.target, err = boundsOf(ctx, m.target, names); err != nil {
		return nil, err
	}
	look.aligned = tried(look.align(ctx))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return look, nil
}

// position translates the offset of one partition. problem says why it cannot.
func (l *forwardLook) position(where Partition) (at, again int64, problem string) {
	committed, name := l.committed[where], Partition{l.Name(where.topic), where.number}
	if sync, ok := l.proven[where]; ok {
		if committed == sync.Upstream {
			return sync.Downstream, 0, ""
		}
		return sync.Downstream + 1, committed - sync.Upstream - 1, ""
	}
	if sync, ok := l.denied[where]; ok {
		return 0, 0, fmt.Sprintf("MirrorMaker's offset syncs say that its record %d is record %d of %s, but these are two different records: "+
			"one of the two topics was recreated, or MirrorMaker changes even the timestamps of what it copies", sync.Upstream, sync.Downstream, name)
	}
	bounds, exists := l.target[name]
	checkpoint, known := l.checkpoints[name]
	switch {
	case !exists:
		return 0, 0, fmt.Sprintf("there is no %s", name)
	case bounds.End == 0:
		return 0, l.notYetThere(where, committed), ""
	case committed == 0 && bounds.Start == 0:
		return 0, 0, ""
	case !known:
		return 0, 0, "MirrorMaker has no checkpoint for it"
	case checkpoint.Upstream > committed:
		return 0, 0, fmt.Sprintf("its checkpoint is of offset %d, and the group was set back to %d", checkpoint.Upstream, committed)
	}
	at = l.lowered(where, checkpoint)
	if at < bounds.Start || at > bounds.End {
		return 0, 0, fmt.Sprintf("it would go on at record %d of %s, which has %d to %d", at, name, bounds.Start, bounds.End)
	}
	return at, notCounted, ""
}

// notYetThere is how many records that the group has consumed may still be mirrored to a
// target partition that is empty.
func (l *forwardLook) notYetThere(where Partition, committed int64) int64 {
	bounds, known := l.source[where]
	if !known {
		return notCounted
	}
	return max(0, committed-bounds.Start)
}

// lowered is the offset of a checkpoint, or less if offset syncs say so: MirrorMaker
// before 3.5 assumed that the target has a record for each offset of the source, so its
// checkpoints could be ahead.
func (l *forwardLook) lowered(where Partition, checkpoint kafka.Checkpoint) int64 {
	at := checkpoint.Downstream
	for _, set := range l.sets {
		if sync, found := lastSync(set[where], func(sync kafka.OffsetSync) bool { return sync.Upstream <= checkpoint.Upstream }); found {
			at = min(at, sync.Downstream+min(1, checkpoint.Upstream-sync.Upstream))
		}
	}
	return at
}

func lastSync(syncs []kafka.OffsetSync, fits func(kafka.OffsetSync) bool) (last kafka.OffsetSync, found bool) {
	for _, sync := range syncs {
		if fits(sync) {
			last, found = sync, true
		}
	}
	return last, found
}
