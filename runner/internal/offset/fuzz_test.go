package offset

import (
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// FuzzDocuments checks the laws that documents promise, compared by meaning and by bytes.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`[{"a":1,"b":2},{"n":9007199254740993}]`), []byte(`[{"b":2,"a":1},{"n":9007199254740993.0}]`))
	f.Add([]byte(`[{"a":"\u00e4"},null]`), []byte(`[{"a":"ä"},null]`))
	f.Add([]byte(`[{},{}]`), []byte(`[{"":{"":[]}},{"n":1e400}]`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		one, ok := entryOf(first)
		if !ok {
			return
		}
		other, ok := entryOf(second)
		if !ok {
			return
		}
		for _, build := range []func(...Entry) (Document, error){New, NewExact} {
			a, b := must(t, build, one), must(t, build, other)
			if Equal(a, b) != (a.SHA256() == b.SHA256()) || Equal(a, b) != Equal(b, a) || !Equal(a, a) {
				t.Fatalf("%s and %s: equal %v, hashes %s and %s", first, second, Equal(a, b), a.SHA256(), b.SHA256())
			}
			if both, err := build(one, other); err == nil && !both.Exact() && both.SHA256() != reread(t, both) {
				t.Fatalf("%s: hash %s, and %s when it is read anew", both.JSON(), both.SHA256(), reread(t, both))
			}
			entries := a.Entries()
			if len(entries) != 1 || entries[0].Partition.String() != one.Partition.String() || entries[0].Offset.String() != one.Offset.String() {
				t.Fatalf("%s became %v", first, entries)
			}
			both, err := build(one, other)
			if err != nil {
				continue // one partition twice
			}
			again, err := build(other, one)
			if err != nil || !Equal(both, again) || both.SHA256() != again.SHA256() || both.Len() != 2 {
				t.Fatalf("order counts: %s, %s, %v", both.JSON(), again.JSON(), err)
			}
		}
		bytesEqual := Equal(must(t, NewExact, one), must(t, NewExact, other))
		same := one.Partition.String() == other.Partition.String() && one.Offset.String() == other.Offset.String()
		if bytesEqual != same {
			t.Fatalf("%s and %s are the same bytes: %v, and equal: %v", first, second, same, bytesEqual)
		}
		if bytesEqual && !Equal(must(t, New, one), must(t, New, other)) {
			t.Fatalf("%s and %s are the same bytes and mean something else", first, second)
		}
		if _, err := New(one, other); err == nil {
			if _, err := NewExact(one, other); err != nil {
				t.Fatalf("two partitions by meaning are one by bytes: %v", err)
			}
		}
	})
}

// reread is the hash of a set of two as one JSON array, which results have had from the beginning.
func reread(t *testing.T, document Document) string {
	t.Helper()
	var texts []string
	for _, entry := range document.Entries() {
		texts = append(texts, rawjson.Array(entry.Partition, entry.Offset).Canonical())
	}
	slices.Sort(texts)
	all, err := rawjson.Parse([]byte("[" + strings.Join(texts, ",") + "]"))
	if err != nil {
		t.Fatal(err)
	}
	return all.SHA256()
}

func entryOf(text []byte) (Entry, bool) {
	value, err := rawjson.Parse(text)
	if err != nil {
		return Entry{}, false
	}
	elements, ok := value.Elements()
	if !ok || len(elements) != 2 || !elements[0].IsObject() || !elements[1].IsObject() && !elements[1].IsNull() {
		return Entry{}, false
	}
	return Entry{Partition: elements[0], Offset: elements[1]}, true
}

func must(t *testing.T, build func(...Entry) (Document, error), entries ...Entry) Document {
	t.Helper()
	document, err := build(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
