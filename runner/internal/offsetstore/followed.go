package offsetstore

import (
	"context"
	"maps"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Many is from how many entries on it is worth to follow them: a worker needs tenths of a second
// to answer with 20,000, and a cut reads them five times.
const Many = 1000

// Followed is a store that is read through a worker, and whose offsets topic is read from one
// reading to the next. The worker's answer is what counts. Only once the topic has shown commits
// of the connector, and the worker's answer is what was there before with exactly these, is the
// topic believed: then the next reading is what was read, with what the topic has since, and
// the worker is not asked. Whatever does not fit sends the next reading to the worker.
//
// A topic that nothing was written to is not believed, since it may be another cluster's.
type Followed struct {
	store     Store
	topic     cluster.OffsetTopic
	connector string

	end      map[int32]int64 // of the topic, before known was read; nil if that could not be read
	known    offset.Document
	believed bool
}

// Follow follows a store from now on. It reads nothing: the first reading does.
func Follow(store Store, topic cluster.OffsetTopic, connector string) *Followed {
	return &Followed{store: store, topic: topic, connector: connector}
}

// Through returns the same through another store of the same instance, such as one that retries
// for longer.
func (f *Followed) Through(store Store) *Followed {
	other := *f
	other.store = store
	return &other
}

// Write writes to the store.
func (f *Followed) Write(ctx context.Context, patch offset.Document) (unanswered time.Time, err error) {
	return f.store.Write(ctx, patch)
}

// Read returns the offsets, as the worker has them or would have them.
func (f *Followed) Read(ctx context.Context) (offset.Document, error) {
	var commits []offset.Entry
	var end map[int32]int64
	var err error
	if f.end == nil {
		end, err = f.topic.End(ctx)
	} else {
		commits, end, err = f.topic.Since(ctx, f.connector, f.end)
	}
	if err != nil { // then only the worker tells
		f.end, f.believed = nil, false
		f.known, err = f.store.Read(ctx)
		return f.known, err
	}
	followed, added := apply(f.known, commits)
	if f.believed && added == 0 {
		f.end, f.known = end, followed
		return followed, nil
	}
	// The end was read before the worker is asked, so whatever this reading lacks comes after it.
	read, err := f.store.Read(ctx)
	if err != nil {
		f.end, f.believed = nil, false
		return read, err
	}
	difference := offset.Compare(followed, read)
	f.believed = f.end != nil && len(commits) > 0 && difference.None()
	if lags := f.end != nil && !difference.None() && len(difference.Extra) == 0; !lags {
		f.end, f.known = end, read
	} // else the worker may not have read all commits yet, and the next reading compares them again
	return read, nil
}

// apply returns a document with the commits on top of it, and how many partitions they added: those
// that the document does not have, spelled as they are in the topic. Connect finds an offset by the
// bytes of its key, and a worker rebuilds them, so only its answer shows whether it finds them.
func apply(known offset.Document, commits []offset.Entry) (result offset.Document, adds int) {
	if replaced, ok := known.Replace(commits...); ok {
		return replaced, 0
	}
	last := map[string]offset.Entry{} // by the bytes of the partition
	for _, commit := range commits {
		last[commit.Partition.String()] = commit
	}
	added := maps.Clone(last)
	entries := known.Entries()
	for i, entry := range entries {
		if commit, ok := last[entry.Partition.String()]; ok {
			delete(added, entry.Partition.String())
			entries[i].Offset = commit.Offset
		}
	}
	adds = len(added)
	for _, commit := range commits { // in their order
		if entry, ok := added[commit.Partition.String()]; ok {
			delete(added, commit.Partition.String())
			entries = append(entries, entry)
		}
	}
	kept := entries[:0]
	for _, entry := range entries {
		if !entry.Offset.IsNull() {
			kept = append(kept, entry)
		}
	}
	result, err := offset.New(kept...)
	if err != nil { // one partition in two spellings, so one was added, and no worker shows both
		return offset.Document{}, adds
	}
	return result, adds
}
