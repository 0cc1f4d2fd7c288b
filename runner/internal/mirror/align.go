package mirror

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Aligning two partitions: from an offset sync whose two records are equal, the records of
// the source and those of the target are matched one by one. MirrorMaker writes in order.
// When it starts again it goes back and repeats, but it never skips: the first copy of a
// record comes after those of all records before it. So whatever a group has not consumed
// comes after the first record on the target that is not a copy of one it has.
//
// This holds only if no two records of the stretch are equal. If two are, or if MirrorMaker
// changes what it copies, the partition is not aligned and the sync alone counts.

const (
	// alignMost is the most offsets of one partition that are matched.
	alignMost = 50_000
	// alignSlack is how many more records of the other side are looked at, for what
	// MirrorMaker repeats and for what follows.
	alignSlack = 1000
	// alignLimit bounds the wait for records that MirrorMaker has yet to copy. The wait ends
	// before that if it copies nothing for alignStall.
	alignLimit = 10 * time.Second
	alignStall = time.Second
)

// key tells a record from the others of a stretch.
type key struct {
	content [32]byte
	at      int64 // 0 if the target's broker sets the timestamps
}

func keyOf(record kafka.Numbered, timed bool) key {
	if !timed {
		return key{content: record.Content}
	}
	return key{record.Content, record.Timestamp}
}

// indexOf returns the place of each record; ok is false if two of them are equal.
func indexOf(records []kafka.Numbered, timed bool) (index map[key]int, ok bool) {
	index = make(map[key]int, len(records))
	for i, record := range records {
		if _, twice := index[keyOf(record, timed)]; twice {
			return nil, false
		}
		index[keyOf(record, timed)] = i
	}
	return index, true
}

// timestamped reports whether the records kept the timestamps of their originals.
func timestamped(copies []kafka.Numbered) bool {
	return !slices.ContainsFunc(copies, func(record kafka.Numbered) bool { return record.Appended })
}

// alignment is where a group goes on.
type alignment struct {
	at    int64
	again int64 // records before its offset that it gets again
	run   int64 // records that were matched
	// waits says that copies are missing at the end of the target partition: MirrorMaker may
	// have yet to write them.
	waits bool
}

// alignForward aligns the records of a source partition that follow an offset sync with
// those of the target that follow it. ours reach beyond committed, the group's offset.
// downstream is the target's offset after the sync.
func alignForward(ours, theirs []kafka.Numbered, committed, downstream int64) (alignment, bool) {
	timed := timestamped(theirs)
	index, ok := indexOf(ours, timed)
	if !ok {
		return alignment{}, false
	}
	consumed := len(ours)
	if next := slices.IndexFunc(ours, func(record kafka.Numbered) bool { return record.Offset >= committed }); next >= 0 {
		consumed = next
	}
	found, seen, stopped := alignment{at: downstream}, map[int]bool{}, false
	for _, copied := range theirs {
		place, known := index[keyOf(copied, timed)]
		if !known || place >= consumed {
			found.at, stopped = copied.Offset, true
			break
		}
		seen[place] = true
		found.at = copied.Offset + 1
	}
	found.run, found.again = int64(len(seen)), int64(consumed-len(seen))
	found.waits = found.again > 0 && !stopped
	return found, true
}

// alignBack finds the first record of a source partition that a group on the target has not
// consumed. ours are the records after an offset sync, theirs those of the target from there
// up to the group's offset. upstream is the source's offset after the sync.
func alignBack(ours, theirs []kafka.Numbered, upstream int64) (alignment, bool) {
	timed := timestamped(theirs)
	index, ok := indexOf(ours, timed)
	if !ok {
		return alignment{}, false
	}
	seen := map[int]bool{}
	for _, copied := range theirs {
		if place, known := index[keyOf(copied, timed)]; known {
			seen[place] = true
		}
	}
	found := alignment{at: upstream, run: int64(len(seen))}
	for place, record := range ours {
		if !seen[place] {
			found.at = record.Offset
			break
		}
		found.at = record.Offset + 1
		delete(seen, place)
	}
	found.again = int64(len(seen))
	return found, true
}

// stretches are the parts of partitions to match, by the names of the source.
type stretches map[Partition]kafka.Bounds

// records reads the stretches of a log; named gives the name that a topic has there.
func (s stretches) records(ctx context.Context, log cluster.MirrorLog, named func(string) string) (map[Partition][]kafka.Numbered, error) {
	topics := map[string]map[int32]kafka.Bounds{}
	for where, bounds := range s {
		if topics[where.topic] == nil {
			topics[where.topic] = map[int32]kafka.Bounds{}
		}
		topics[where.topic][where.number] = bounds
	}
	found := map[Partition][]kafka.Numbered{}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		records, err := log.RecordsWithin(ctx, named(topic), topics[topic])
		if err != nil {
			return nil, err
		}
		for number, each := range records {
			found[Partition{topic, number}] = each
		}
	}
	return found, nil
}

func same(topic string) string { return topic }

// align aligns the partitions that have a proven sync. It waits a little for records
// that MirrorMaker has yet to copy.
func (l *forwardLook) align(ctx context.Context) (map[Partition]alignment, error) {
	ours, theirs := stretches{}, stretches{}
	for where, sync := range l.proven {
		if l.changed[where] {
			continue
		}
		behind := l.committed[where] - sync.Upstream
		if behind <= 0 || behind > alignMost { // at the sync itself, or too far
			continue
		}
		ours[where] = kafka.Bounds{Start: sync.Upstream + 1, End: l.committed[where] + alignSlack}
		theirs[where] = kafka.Bounds{Start: sync.Downstream + 1, End: sync.Downstream + 1 + 2*behind + alignSlack}
	}
	originals, err := ours.records(ctx, l.Path.source, same)
	if err != nil {
		return nil, err
	}
	found := map[Partition]alignment{}
	copied, since := int64(-1), time.Now()
	err = wait.Until(ctx, "MirrorMaker to copy what the group has consumed", alignLimit, func(ctx context.Context) (bool, string, error) {
		copies, err := theirs.records(ctx, l.Path.target, l.Name)
		if err != nil {
			return false, "", err
		}
		var waits bool
		var run int64
		for where := range theirs {
			aligned, ok := alignForward(originals[where], copies[where], l.committed[where], l.proven[where].Downstream+1)
			if !ok {
				delete(found, where)
				continue
			}
			found[where] = aligned
			waits, run = waits || aligned.waits, run+aligned.run
		}
		if run > copied {
			copied, since = run, time.Now()
		}
		return !waits || time.Since(since) > alignStall, "it lags behind", nil
	})
	if isTimeout(err) {
		err = nil
	}
	return found, err
}

// align is [forwardLook.align] for the way back.
func (l *backLook) align(ctx context.Context, path *Path) (map[Partition]alignment, error) {
	ours, theirs := stretches{}, stretches{}
	for where, sync := range l.proven {
		if l.changed[where] {
			continue
		}
		ahead := l.there[where] - sync.Downstream
		if ahead <= 0 || ahead > alignMost {
			continue
		}
		theirs[where] = kafka.Bounds{Start: sync.Downstream + 1, End: l.there[where]}
		ours[where] = kafka.Bounds{Start: sync.Upstream + 1, End: sync.Upstream + 1 + ahead + alignSlack}
	}
	originals, err := ours.records(ctx, path.source, same)
	if err != nil {
		return nil, err
	}
	copies, err := theirs.records(ctx, path.target, path.Name)
	if err != nil {
		return nil, err
	}
	found := map[Partition]alignment{}
	for where := range theirs {
		if aligned, ok := alignBack(originals[where], copies[where], l.proven[where].Upstream+1); ok {
			found[where] = aligned
		}
	}
	return found, nil
}

// tried drops the error of an alignment: where the records cannot be read, such as behind a
// transaction that stays open, the offset syncs count as without it.
func tried(found map[Partition]alignment, err error) map[Partition]alignment {
	if err != nil {
		return nil
	}
	return found
}

func isTimeout(err error) bool {
	_, timeout := errors.AsType[*wait.TimeoutError](err)
	return timeout
}
