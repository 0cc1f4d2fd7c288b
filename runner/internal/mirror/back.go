package mirror

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Back translates the offsets of the target's group for the origin. The result is never
// behind the origin's own offsets: what the origin sent before the move is not sent
// again.
//
// All records before the target's offset have been sent, by the origin before the move or
// by the target since. So the origin may continue after the record of the last offset
// sync before that offset. If no sync can be compared, it continues where it stopped.
func (m *Path) Back(ctx context.Context, own, theirs offset.Document) (Translation, error) {
	ours, err := PositionsOf(own)
	if err != nil {
		return Translation{}, err
	}
	there, err := m.mirrored(theirs)
	if err != nil {
		return Translation{}, err
	}
	look, err := m.lookBack(ctx, ours, there)
	if err != nil {
		return Translation{}, err
	}
	result, here := Translation{why: "the origin's Kafka is not named in the clusters file"}, Positions{}
	for _, where := range slices.SortedFunc(maps.Keys(look.all), Partition.compare) {
		at, again, known := look.position(where)
		if aligned, ok := look.aligned[where]; ok && aligned.at >= look.ours[where] {
			at, again, known = aligned.at, aligned.again, true
			result.aligned += aligned.run
		}
		if known {
			here[where] = at
		}
		result.count(where, again)
	}
	result.Document, err = here.document()
	return result, err
}

// mirrored returns the offsets of the target's group under the topic names of the source,
// without those of topics that were not mirrored.
func (m *Path) mirrored(theirs offset.Document) (Positions, error) {
	all, err := PositionsOf(theirs)
	if err != nil || m.unknown {
		return nil, err
	}
	there := Positions{}
	for where, at := range all {
		if source, brought := strings.CutPrefix(where.topic, m.prefix); brought {
			there[Partition{source, where.number}] = at
		}
	}
	return there, nil
}

// backLook is what both Kafkas say of the partitions of a group on its way back.
type backLook struct {
	ours, there Positions
	compared
	bounds  map[Partition]kafka.Bounds // of the source; nil if its Kafka is not known
	all     map[Partition]bool
	aligned map[Partition]alignment
}

func (m *Path) lookBack(ctx context.Context, ours, there Positions) (*backLook, error) {
	look := &backLook{ours: ours, there: there, all: map[Partition]bool{}}
	for where := range ours {
		look.all[where] = true
	}
	if m.source == nil {
		return look, nil
	}
	topics := append(ours.Topics(), there.Topics()...)
	slices.Sort(topics)
	var err error
	if look.bounds, err = boundsOf(ctx, m.source, slices.Compact(topics)); err != nil {
		return nil, err
	}
	for where := range there {
		if _, exists := look.bounds[where]; exists {
			look.all[where] = true
		}
	}
	if m.unknown {
		return look, nil
	}
	sets, err := m.syncs(ctx)
	if err != nil {
		return nil, err
	}
	look.compared, err = m.compare(ctx, sets, there, func(sync kafka.OffsetSync, at int64) bool { return sync.Downstream <= at })
	if err != nil {
		return nil, err
	}
	look.aligned = tried(look.align(ctx, m))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return look, nil
}

// position returns where the origin continues with a partition, and at most how many
// records it sends that the target has sent already. A partition with neither an offset
// of the origin nor a sync begins with its first record.
func (l *backLook) position(where Partition) (at, again int64, known bool) {
	at, known = l.ours[where]
	again = notCounted
	if sync, ok := l.proven[where]; ok {
		step := min(1, l.there[where]-sync.Downstream)
		at, again, known = max(at, sync.Upstream+step), l.there[where]-sync.Downstream-step, true
	}
	bounds, counted := l.bounds[where]
	if !counted {
		return at, again, known
	}
	if !known {
		at = bounds.Start
	}
	left := max(0, bounds.End-at)
	if again < 0 || left < again {
		again = left
	}
	return at, again, true
}

// FindBack finds the [Path] by which to translate the offsets of a sink back for the
// origin. It is nil if the move can only have copied them as they are (--same-log): then
// they go back as they are. theirs are the offsets of the target's group.
func FindBack(ctx context.Context, search Search, theirs offset.Document) (*Path, error) {
	path, err := Find(ctx, search)
	if err == nil {
		return path, nil
	}
	_, none := errors.AsType[*NoPathError](err)
	if !none && !cluster.IsRefused(err) {
		return nil, err
	}
	ours, errOurs := PositionsOf(search.Committed)
	named, errNamed := PositionsOf(theirs)
	if err := errors.Join(errOurs, errNamed); err != nil {
		return nil, err
	}
	strange := len(named) > 0 && !slices.ContainsFunc(named.Topics(), func(topic string) bool { return slices.Contains(ours.Topics(), topic) })
	if none && !strange {
		return nil, nil
	}
	// They were translated, but how is no longer known. Every partition continues where
	// the origin stopped.
	return &Path{unknown: true, source: sourceLog(search.Origin)}, nil
}
