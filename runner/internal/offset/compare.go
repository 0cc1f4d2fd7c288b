package offset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Difference says how a set of offsets differs from the wanted one.
type Difference struct {
	Missing []Entry // wanted, not there
	Changed []Entry // wanted, with another offset there; holds the wanted offset
	Extra   []Entry // there, not wanted
}

// Compare returns how have differs from want. Both must be exact or both not; an empty
// document may be compared with either.
func Compare(want, have Document) Difference {
	var difference Difference
	for i, entry := range want.entries {
		found, ok := have.lookup(want.keys[i])
		switch {
		case !ok:
			difference.Missing = append(difference.Missing, entry)
		case !want.same(found.Offset, entry.Offset):
			difference.Changed = append(difference.Changed, entry)
		}
	}
	for i, entry := range have.entries {
		if _, ok := want.lookup(have.keys[i]); !ok {
			difference.Extra = append(difference.Extra, entry)
		}
	}
	return difference
}

// None reports whether there is no difference.
func (d Difference) None() bool { return len(d.Missing)+len(d.Changed)+len(d.Extra) == 0 }

// String counts the entries that differ and names the first of each kind.
func (d Difference) String() string {
	if d.None() {
		return "no difference"
	}
	var parts []string
	for _, part := range []struct {
		name    string
		entries []Entry
	}{{"missing", d.Missing}, {"changed", d.Changed}, {"extra", d.Extra}} {
		if len(part.entries) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (first: %s)", len(part.entries), part.name, brief(part.entries[0].Partition)))
		}
	}
	return strings.Join(parts, ", ")
}

// Patch returns what to write over have to make it equal to want: the missing and changed
// entries, and a tombstone for each extra one, because Connect's PATCH only adds. If the
// result is empty, do not send it: Connect refuses an empty one.
func Patch(want, have Document) Document {
	difference := Compare(want, have)
	entries := append(difference.Missing, difference.Changed...)
	for _, entry := range difference.Extra {
		entries = append(entries, Entry{Partition: entry.Partition, Offset: rawjson.Null})
	}
	return mustBuild(entries, want.exact || have.exact)
}

// Replace returns the document with other offsets for some of its partitions, the last of each. ok is
// false if one of them is not in it, byte for byte, or is to be removed. It costs what is replaced, where
// [New] takes every entry apart.
func (d Document) Replace(with ...Entry) (replaced Document, ok bool) {
	replaced = d
	replaced.entries = slices.Clone(d.entries)
	for _, entry := range with {
		i, known := d.index[d.identity(entry.Partition)]
		if !known || d.entries[i].Partition != entry.Partition || !entry.Offset.IsObject() {
			return Document{}, false
		}
		replaced.entries[i] = entry
	}
	return replaced, true
}

// SamePartitions reports whether two documents have the same partitions, at least one,
// whatever their offsets.
func SamePartitions(a, b Document) bool {
	difference := Compare(a, b)
	return a.Len() > 0 && len(difference.Missing)+len(difference.Extra) == 0
}

// Chunks splits the document into documents of at most size entries.
func (d Document) Chunks(size int) []Document {
	var chunks []Document
	for start := 0; start < len(d.entries); start += size {
		chunks = append(chunks, mustBuild(d.entries[start:min(start+size, len(d.entries))], d.exact))
	}
	return chunks
}

// Regressed returns the entries of earlier that later lacks, or has with a smaller
// number. It compares only offsets with a single integer field (a MirrorMaker offset, a
// file position, a sequence): for others, this package does not know which is later.
func Regressed(earlier, later Document) []Entry {
	var regressed []Entry
	for i, entry := range earlier.entries {
		found, ok := later.lookup(earlier.keys[i])
		if !ok {
			regressed = append(regressed, entry)
			continue
		}
		if found.Offset == entry.Offset {
			continue
		}
		name, before, comparable := singleInteger(entry.Offset)
		foundName, after, foundComparable := singleInteger(found.Offset)
		if comparable && foundComparable && name == foundName && after < before {
			regressed = append(regressed, entry)
		}
	}
	return regressed
}

func singleInteger(offset rawjson.Value) (name string, number int64, ok bool) {
	object, err := offset.Object()
	if err != nil || object.Len() != 1 {
		return "", 0, false
	}
	name = object.Keys()[0]
	value, _ := object.Get(name)
	number, ok = value.Int()
	return name, number, ok
}

// mustBuild builds a document from the entries of valid documents.
func mustBuild(entries []Entry, exact bool) Document {
	document, err := build(entries, exact)
	if err != nil {
		panic("offset: entries of a valid document are valid: " + err.Error())
	}
	return document
}
