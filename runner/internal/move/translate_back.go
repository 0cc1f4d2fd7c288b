package move

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// back translates the offsets of the target's group for the origin, whose own are
// never gone behind: what the origin has sent before the move is not sent again.
//
// All records before the target's offset are sent, by the origin before the move or
// by the target since. So the origin may go on after the record of the last offset
// sync before that offset. Where no sync can be compared it goes on where it was.
func (m *mirrorPath) back(ctx context.Context, own, theirs offset.Document) (translated, error) {
	ours, err := positionsOf(own)
	if err != nil {
		return translated{}, err
	}
	there, err := m.named(theirs)
	if err != nil {
		return translated{}, err
	}
	look, err := m.lookBack(ctx, ours, there)
	if err != nil {
		return translated{}, err
	}
	result, here := translated{why: "the origin's Kafka is not named in the clusters file"}, positions{}
	for _, where := range slices.SortedFunc(maps.Keys(look.all), partition.compare) {
		at, again, known := look.position(where)
		if known {
			here[where] = at
		}
		result.count(where, again)
	}
	result.document, err = here.document()
	return result, err
}

// named are the offsets of the target's group under the names of the source, those
// of topics of the target's own left out.
func (m *mirrorPath) named(theirs offset.Document) (positions, error) {
	all, err := positionsOf(theirs)
	if err != nil || m.target == nil {
		return nil, err
	}
	there := positions{}
	for where, at := range all {
		if source, brought := strings.CutPrefix(where.topic, m.prefix); brought {
			there[partition{source, where.number}] = at
		}
	}
	return there, nil
}

// backLook is what both Kafkas say of the partitions that a group goes back to.
type backLook struct {
	ours, there positions
	proven      map[partition]kafka.OffsetSync
	bounds      map[partition]kafka.Bounds // of the source; nil if its Kafka is not known
	all         map[partition]bool
}

func (m *mirrorPath) lookBack(ctx context.Context, ours, there positions) (*backLook, error) {
	look := &backLook{ours: ours, there: there, all: map[partition]bool{}}
	for where := range ours {
		look.all[where] = true
	}
	if m.source == nil {
		return look, nil
	}
	topics := append(ours.topics(), there.topics()...)
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
	if m.target == nil {
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
func (l *backLook) position(where partition) (at, again int64, known bool) {
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

// wayBack is how the offsets of a sink go back to the origin. If they can only have
// been moved record for record (--same-log), it is nil and they go back as they are.
func (r Request) wayBack(ctx context.Context, observed Observation, own, theirs offset.Document) (*mirrorPath, error) {
	path, err := r.mirrorPath(ctx, sinkGroup(r.Connector, observed.Origin.Config), own, observed.Origin.Config, observed.Target.Config)
	if err == nil {
		return path, nil
	}
	_, none := errors.AsType[*noPathError](err)
	_, unclear := errors.AsType[*RefusedError](err)
	if !none && !unclear {
		return nil, err
	}
	ours, errOurs := positionsOf(own)
	named, errNamed := positionsOf(theirs)
	if err := errors.Join(errOurs, errNamed); err != nil {
		return nil, err
	}
	strange := len(named) > 0 && !slices.ContainsFunc(named.topics(), func(topic string) bool { return slices.Contains(ours.topics(), topic) })
	if none && !strange {
		return nil, nil
	}
	// They were translated, and how is not known any more. Every partition goes on
	// where the origin was.
	blind := &mirrorPath{}
	if r.Origin.Mirrors != nil {
		blind.source = r.Origin.Mirrors.Log
	}
	return blind, nil
}
