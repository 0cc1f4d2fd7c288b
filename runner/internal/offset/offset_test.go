package offset

import (
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func parse(t *testing.T, text string) Document {
	t.Helper()
	value, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	document, err := Parse(value)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return document
}

func TestPatchMakesHaveEqualToWant(t *testing.T) {
	want := parse(t, `{"offsets":[
		{"partition":{"a":1},"offset":{"n":9007199254740993}},
		{"partition":{"b":1,"c":2},"offset":{"n":2}},
		{"partition":{"d":1},"offset":{"n":3}}]}`)
	have := parse(t, `{"offsets":[
		{"partition":{"c":2,"b":1},"offset":{"n":2}},
		{"partition":{"a":1},"offset":{"n":9007199254740992}},
		{"partition":{"old":1},"offset":{"n":9}}]}`)
	patch := Patch(want, have)
	wantPatch := parse(t, `{"offsets":[
		{"partition":{"d":1},"offset":{"n":3}},
		{"partition":{"a":1},"offset":{"n":9007199254740993}},
		{"partition":{"old":1},"offset":null}]}`)
	if !Equal(patch, wantPatch) {
		t.Errorf("patch is %s", patch.JSON())
	}
	if got := Compare(want, have).String(); got != `1 missing (first: {"d":1}), 1 changed (first: {"a":1}), 1 extra (first: {"old":1})` {
		t.Errorf("difference reads %q", got)
	}
	if Patch(want, want).Len() != 0 {
		t.Error("a patch onto the same set is not empty")
	}
}

func TestReplace(t *testing.T) {
	of := func(partition, value string) Entry {
		entry, ok := entryOf([]byte("[" + partition + "," + value + "]"))
		if !ok {
			t.Fatalf("%s, %s", partition, value)
		}
		return entry
	}
	document := parse(t, `{"offsets":[{"partition":{"x":1,"y":2},"offset":{"n":1}},{"partition":{"z":1},"offset":{"n":2}}]}`)
	replaced, ok := document.Replace(of(`{"z":1}`, `{"n":3}`), of(`{"z":1}`, `{"n":4}`))
	if want := parse(t, `{"offsets":[{"partition":{"z":1},"offset":{"n":4}},{"partition":{"x":1,"y":2},"offset":{"n":1}}]}`); !ok || !Equal(replaced, want) || replaced.SHA256() != want.SHA256() {
		t.Errorf("%t, %s", ok, replaced.JSON())
	}
	if was := parse(t, `{"offsets":[{"partition":{"x":1,"y":2},"offset":{"n":1}},{"partition":{"z":1},"offset":{"n":2}}]}`); !Equal(document, was) {
		t.Errorf("it became %s", document.JSON())
	}
	for _, entry := range []Entry{of(`{"y":2,"x":1}`, `{"n":3}`), of(`{"new":1}`, `{"n":3}`), of(`{"z":1}`, `null`)} {
		if _, ok := document.Replace(entry); ok {
			t.Errorf("replaced with %s", entry.Partition)
		}
	}
}

func TestHashIsOfTheSet(t *testing.T) {
	a := parse(t, `{"offsets":[{"partition":{"x":1,"y":2},"offset":{"n":1}},{"partition":{"z":1},"offset":{"n":2}}]}`)
	b := parse(t, `{"offsets":[{"partition":{"z":1},"offset":{"n":2}},{"offset":{"n":1},"partition":{"y":2,"x":1}}]}`)
	c := parse(t, `{"offsets":[{"partition":{"z":1},"offset":{"n":2}},{"offset":{"n":1.0},"partition":{"y":2,"x":1}}]}`)
	if a.SHA256() != b.SHA256() {
		t.Error("the order of entries or members changes the hash")
	}
	if a.SHA256() == c.SHA256() {
		t.Error("1 and 1.0 share a hash")
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                             "a JSON array where a JSON object was expected",
		`{}`:                             `the member "offsets" is missing`,
		`{"offsets":null}`:               "null where a JSON array was expected",
		`{"offsets":[],"more":1}`:        `unknown member "more"`,
		`{"offsets":[1]}`:                "offsets[0]: a JSON number where a JSON object was expected",
		`{"offsets":[{"partition":{}}]}`: "partition and offset are both needed",
		`{"offsets":[{"partition":null,"offset":{}}]}`:                                                  "null where a JSON object was expected",
		`{"offsets":[{"partition":{},"offset":3}]}`:                                                     "3 where a JSON object or null was expected",
		`{"offsets":[{"partition":{},"offset":{},"x":1}]}`:                                              `unknown member "x"`,
		`{"offsets":[{"partition":{"a":1,"b":2},"offset":{}},{"partition":{"b":2,"a":1},"offset":{}}]}`: "is the partition of offsets[0] too",
	} {
		value, err := rawjson.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%s) says %v, want %q in it", text, err, want)
		}
	}
}

func TestUnreadableAndRegressed(t *testing.T) {
	read := parse(t, `{"offsets":[{"partition":{"a":1},"offset":null},{"partition":{"b":1},"offset":{"n":5}}]}`)
	if got := read.Unreadable(); len(got) != 1 || got[0].Partition.String() != `{"a":1}` {
		t.Errorf("unreadable: %v", got)
	}
	before := parse(t, `{"offsets":[
		{"partition":{"up":1},"offset":{"n":5}}, {"partition":{"same":1},"offset":{"n":5}},
		{"partition":{"down":1},"offset":{"n":5}}, {"partition":{"gone":1},"offset":{"n":5}},
		{"partition":{"many":1},"offset":{"n":5,"m":1}}]}`)
	after := parse(t, `{"offsets":[
		{"partition":{"up":1},"offset":{"n":6}}, {"partition":{"same":1},"offset":{"n":5}},
		{"partition":{"down":1},"offset":{"n":4}}, {"partition":{"many":1},"offset":{"n":1,"m":1}}]}`)
	var names []string
	for _, entry := range Regressed(before, after) {
		names = append(names, entry.Partition.String())
	}
	if got := strings.Join(names, " "); got != `{"down":1} {"gone":1}` {
		t.Errorf("regressed: %s", got)
	}
}

func TestChunks(t *testing.T) {
	document := parse(t, `{"offsets":[{"partition":{"a":1},"offset":{}},{"partition":{"b":1},"offset":{}},{"partition":{"c":1},"offset":{}}]}`)
	chunks := document.Chunks(2)
	if len(chunks) != 2 || chunks[0].Len() != 2 || chunks[1].Len() != 1 {
		t.Errorf("chunks of 2 from 3 entries: %v", chunks)
	}
	if (Document{}).Chunks(2) != nil {
		t.Error("an empty document has chunks")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"offsets":[{"partition":{"a":1},"offset":{"n":9007199254740993}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := rawjson.Parse(text)
		if err != nil {
			return
		}
		document, err := Parse(value)
		if err != nil {
			return
		}
		again, err := Parse(document.JSON())
		if err != nil || !Equal(document, again) {
			t.Fatalf("%s does not read back: %v", document.JSON(), err)
		}
	})
}

func TestExactDocumentsAreOfBytes(t *testing.T) {
	value := func(text string) rawjson.Value {
		parsed, err := rawjson.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	ordered := Entry{Partition: value(`{"database":"d","server":"s"}`), Offset: value(`{"n":1}`)}
	reordered := Entry{Partition: value(`{"server":"s","database":"d"}`), Offset: value(`{"n":1}`)}
	if _, err := New(ordered, reordered); err == nil {
		t.Error("two orders of one partition are two entries of a document that goes by meaning")
	}
	both, err := NewExact(ordered, reordered)
	if err != nil {
		t.Fatal(err)
	}
	one, err := NewExact(ordered)
	if err != nil {
		t.Fatal(err)
	}
	spaced, err := NewExact(Entry{Partition: ordered.Partition, Offset: value(`{"n": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if Equal(one, spaced) || one.SHA256() == spaced.SHA256() {
		t.Error("a space in the offset is no difference to an exact document")
	}
	patch := Patch(one, both)
	if patch.Len() != 1 || !patch.Exact() || patch.Entries()[0].Partition.String() != reordered.Partition.String() || !patch.Entries()[0].Offset.IsNull() {
		t.Errorf("patch is %s", patch.JSON())
	}
	if emptied := Patch(Document{}, one); !emptied.Exact() || emptied.Len() != 1 {
		t.Errorf("what empties an exact document is %s, exact %v", emptied.JSON(), emptied.Exact())
	}
	if len(Regressed(both, one)) != 1 {
		t.Error("the loss of one order of a partition goes unseen")
	}
}
