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

// Back translates the offsets of the target's group for the origin, whose own are
// never gone behind: what the origin has sent before the move is not sent again.
//
// All records before the target's offset are sent, by the origin before the move or
// by the target since. So the origin may go on after the record of the last offset
// sync before that offset. Where no sync can be compared it goes on where it was.
func (m *Path) Back(ctx context.Context, own, theirs offset.Document) (Translation, error) {
	ours, err := PositionsOf(own)
	if err != nil {
		return Translation{}, err
	}
	there, err := m.named(theirs)
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
		if known {
			here[where] = at
		}
		result.count(where, again)
	}
	result.Document, err = here.document()
	return result, err
}

// named are the offsets of the target's group under the names of the source, those
// of topics of the target's own left out.
func (m *Path) named(theirs offset.Document) (Positions, error) {
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

// backLook is what both Kafkas say of the partitions that a group goes back to.
type backLook struct {
	ours, there Positions
	proven      map[Partition]kafka.OffsetSync
	bounds      map[Partition]kafka.Bounds // of the source; nil if its Kafka is not known
	all         map[Partition]bool
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
	look.proven, _, err = m.compare(ctx, sets, there, func(sync kafka.OffsetSync, at int64) bool { return sync.Downstream <= at })
	return look, err
}

// position is where the origin goes on with a partition, and how many records at
// most it sends that the target has sent. One that the origin has no offset for,
// and no sync, begins with all there is.
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

// FindBack finds the way on which the offsets of a sink go back to the origin. It is nil
// if they can only have been moved record for record (--same-log): then they go back as
// they are. theirs are the offsets of the target's group.
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
	// They were translated, and how is not known any more. Every partition goes on
	// where the origin was.
	return &Path{unknown: true, source: sourceLog(search.Origin)}, nil
}
