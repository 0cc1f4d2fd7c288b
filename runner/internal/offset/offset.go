// Package offset holds the offsets of a connector in the form of Connect's REST API: a
// set of entries, each a partition and an offset, both JSON objects whose meaning only
// the connector knows.
//
// A [Document] is a set: order does not count, a partition appears once, and partitions
// are compared by their JSON meaning, not their bytes, unless it was made by [NewExact].
// A null offset means two different things. In a document to be written it removes the
// partition (a tombstone). In a document that was read it says that the connector's key
// does not survive the way through REST, so a write would put it where no task looks; see
// [Document.Unreadable].
package offset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Entry is one partition and its offset; a null offset is a tombstone.
type Entry struct {
	Partition rawjson.Value `json:"partition"`
	Offset    rawjson.Value `json:"offset"`
}

// Document is a set of entries. The zero value is the empty set: it means that there are
// no offsets, never that they could not be read.
type Document struct {
	entries []Entry
	keys    []string       // the identity of each entry's partition
	index   map[string]int // from a partition's identity to its index in entries
	exact   bool
}

// New returns the document of the given entries, or an error if one is not a
// partition object with an offset object or null, or if a partition repeats.
func New(entries ...Entry) (Document, error) { return build(entries, false) }

// NewExact is [New] for records of an offsets topic: it compares partitions and offsets
// by their bytes. A task finds its offset there only under the exact bytes of its key, so
// two orders of the same fields are two partitions.
func NewExact(entries ...Entry) (Document, error) { return build(entries, true) }

func build(entries []Entry, exact bool) (Document, error) {
	document := Document{keys: make([]string, len(entries)), index: make(map[string]int, len(entries)), exact: exact}
	for i, entry := range entries {
		if !entry.Partition.IsObject() {
			return Document{}, fmt.Errorf("offsets[%d].partition: %s where a JSON object was expected", i, brief(entry.Partition))
		}
		if !entry.Offset.IsObject() && !entry.Offset.IsNull() {
			return Document{}, fmt.Errorf("offsets[%d].offset: %s where a JSON object or null was expected", i, brief(entry.Offset))
		}
		key := document.identity(entry.Partition)
		if first, twice := document.index[key]; twice {
			return Document{}, fmt.Errorf("offsets[%d].partition: %s is the partition of offsets[%d] too", i, brief(entry.Partition), first)
		}
		document.keys[i], document.index[key] = key, i
	}
	document.entries = slices.Clone(entries)
	return document, nil
}

// Parse parses the document of Connect's GET and PATCH offsets: {"offsets":
// [{"partition": {...}, "offset": {...}}, ...]}.
func Parse(value rawjson.Value) (Document, error) {
	object, err := value.Object()
	if err != nil {
		return Document{}, fmt.Errorf("offsets document: %w", err)
	}
	member, ok := object.Get("offsets")
	if !ok {
		return Document{}, errors.New(`offsets document: the member "offsets" is missing`)
	}
	for _, key := range object.Keys() {
		if key != "offsets" {
			return Document{}, fmt.Errorf(`offsets document: unknown member %q, only "offsets" is expected`, key)
		}
	}
	elements, ok := member.Elements()
	if !ok {
		return Document{}, fmt.Errorf("offsets document: offsets: %s where a JSON array was expected", brief(member))
	}
	entries := make([]Entry, len(elements))
	for i, element := range elements {
		if entries[i], err = parseEntry(element); err != nil {
			return Document{}, fmt.Errorf("offsets document: offsets[%d]: %w", i, err)
		}
	}
	document, err := New(entries...)
	if err != nil {
		return Document{}, fmt.Errorf("offsets document: %w", err)
	}
	return document, nil
}

func parseEntry(element rawjson.Value) (Entry, error) {
	object, err := element.Object()
	if err != nil {
		return Entry{}, err
	}
	var entry Entry
	for _, key := range object.Keys() {
		value, _ := object.Get(key)
		switch key {
		case "partition":
			entry.Partition = value
		case "offset":
			entry.Offset = value
		default:
			return Entry{}, fmt.Errorf("unknown member %q, only partition and offset are expected", key)
		}
	}
	if entry.Partition.IsZero() || entry.Offset.IsZero() {
		return Entry{}, errors.New("partition and offset are both needed")
	}
	return entry, nil
}

// Len returns the number of entries.
func (d Document) Len() int { return len(d.entries) }

// Exact reports whether the document compares by bytes, see [NewExact].
func (d Document) Exact() bool { return d.exact }

// Entries returns the entries in the order they were given.
func (d Document) Entries() []Entry { return slices.Clone(d.entries) }

// Unreadable returns the entries whose offset is null.
func (d Document) Unreadable() []Entry {
	return slices.DeleteFunc(d.Entries(), func(entry Entry) bool { return !entry.Offset.IsNull() })
}

// JSON returns the document in Connect's form.
func (d Document) JSON() rawjson.Value {
	entries := make([]rawjson.Value, len(d.entries))
	for i, entry := range d.entries {
		entries[i] = rawjson.Object{}.With("partition", entry.Partition).With("offset", entry.Offset).Value()
	}
	return rawjson.Object{}.With("offsets", rawjson.Array(entries...)).Value()
}

// MarshalJSON returns [Document.JSON].
func (d Document) MarshalJSON() ([]byte, error) { return d.JSON().Bytes(), nil }

// SHA256 returns a hexadecimal hash of the set. Two documents have the same hash exactly
// if they are [Equal].
func (d Document) SHA256() string {
	keys := make([]string, 0, len(d.entries))
	for i, entry := range d.entries {
		keys = append(keys, "["+d.keys[i]+","+d.identity(entry.Offset)+"]")
	}
	slices.Sort(keys)
	if d.exact {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(keys, "\n"))))
	}
	// An array of canonical texts is canonical itself.
	return fmt.Sprintf("%x", sha256.Sum256([]byte("["+strings.Join(keys, ",")+"]")))
}

// Equal reports whether a and b are the same set.
func Equal(a, b Document) bool { return Compare(a, b).None() }

// identity is the text by which two partitions or offsets are compared.
func (d Document) identity(value rawjson.Value) string {
	if d.exact {
		return value.String()
	}
	return value.Canonical()
}

// Get returns the offset of a partition.
func (d Document) Get(partition rawjson.Value) (offset rawjson.Value, ok bool) {
	entry, ok := d.lookup(d.identity(partition))
	return entry.Offset, ok
}

// lookup finds the entry of a partition by its identity.
func (d Document) lookup(key string) (Entry, bool) {
	i, ok := d.index[key]
	if !ok {
		return Entry{}, false
	}
	return d.entries[i], true
}

// same reports whether two offsets are the same to this document. Most are byte for byte.
func (d Document) same(a, b rawjson.Value) bool {
	return a == b || !d.exact && d.identity(a) == d.identity(b)
}

const briefLength = 120

func brief(value rawjson.Value) string {
	text := value.String()
	if len(text) > briefLength {
		return text[:briefLength] + "..."
	}
	return text
}
