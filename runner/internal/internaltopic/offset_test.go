package internaltopic

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

func TestOffsetKeyIsWrittenAsByJackson(t *testing.T) {
	for name, want := range map[string]string{
		"a":              `["a",{"z":1,"a":2}]`,
		`a"b\c/d`:        `["a\"b\\c/d",{"z":1,"a":2}]`,
		"ü→\u2028<&>":    "[\"ü→\u2028<&>\",{\"z\":1,\"a\":2}]",
		"\x01\n\x1f\x7f": `["\u0001\n\u001F` + "\x7f" + `",{"z":1,"a":2}]`,
		"😀":              `["\uD83D\uDE00",{"z":1,"a":2}]`,
	} {
		if got := string(OffsetKey(name, rawjsontest.Value(t, `{"z":1,"a":2}`))); got != want {
			t.Errorf("%q:\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	for key, want := range map[string]struct{ partition, problem string }{
		`["a",{"z":1,"a":9007199254740993}]`: {partition: `{"z":1,"a":9007199254740993}`},
		`["a",{}]`:                           {partition: `{}`},
		`["\u0061",{}]`:                      {problem: `not written the way Connect writes it, which is ["a",{}]`},
		`["a", {}]`:                          {problem: "not written the way Connect writes it"},
		`["a",{} ]`:                          {problem: "not written the way Connect writes it"},
		`["a",null]`:                         {problem: "is null where a JSON object was expected"},
		`["a",7]`:                            {problem: "is 7 where a JSON object was expected"},
		`["a",{"x":1,"x":2}]`:                {problem: `key "x" appears twice`},
		`["a"]`:                              {problem: "has 1 elements"},
		`["a",{},{}]`:                        {problem: "has 3 elements"},
		`{"schema":null,"payload":["a",{}]}`: {problem: "internal.key.converter.schemas.enable=true"},
		`["b",{}]`:                           {},
		`{"schema":null,"payload":["b",{}]}`: {},
		`[null,{}]`:                          {},
		`[1,{}]`:                             {},
		`[]`:                                 {},
		`null`:                               {},
		`{}`:                                 {},
		`a`:                                  {},
		`["a",{}`:                            {},
		``:                                   {},
	} {
		partition, own, err := PartitionOf([]byte(key), "a")
		switch {
		case want.problem != "":
			if !own || err == nil || !strings.Contains(err.Error(), want.problem) {
				t.Errorf("%s: own %v, error %v, want %q", key, own, err, want.problem)
			}
		case want.partition != "":
			if !own || err != nil || partition.String() != want.partition {
				t.Errorf("%s: own %v, partition %s, error %v", key, own, partition, err)
			}
		case own || err != nil:
			t.Errorf("%s: taken for a key of the connector, error %v", key, err)
		}
	}
}

func TestOffsetOf(t *testing.T) {
	for value, want := range map[string]struct{ offset, problem string }{
		`{"n":9007199254740993}`:                {offset: `{"n":9007199254740993}`},
		`{"payload":1}`:                         {offset: `{"payload":1}`},
		`{"schema":null,"payload":{"n":1}}`:     {problem: "internal.value.converter.schemas.enable=true"},
		`null`:                                  {problem: "null where a JSON object was expected"},
		`7`:                                     {problem: "a JSON number where a JSON object was expected"},
		``:                                      {problem: "empty document"},
		`{"n":1,"n":2}`:                         {problem: `key "n" appears twice`},
		`{"schema":1,"payload":2,"position":3}`: {offset: `{"schema":1,"payload":2,"position":3}`},
	} {
		offset, err := OffsetOf([]byte(value))
		if want.problem != "" {
			if err == nil || !strings.Contains(err.Error(), want.problem) {
				t.Errorf("%q: error %v, want %q", value, err, want.problem)
			}
			continue
		}
		if err != nil || offset.String() != want.offset {
			t.Errorf("%q: %s, %v", value, offset, err)
		}
	}
	if tombstone, err := OffsetOf(nil); err != nil || !tombstone.IsNull() {
		t.Errorf("a tombstone reads as %s, %v", tombstone, err)
	}
}

// What Connect can have written reads back as what it was made of.
func FuzzOffsetKey(f *testing.F) {
	f.Add("a", `{"z":1,"a":2}`)
	f.Add("\"\\\x01\x7f\u2028ü😀", `{}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		partition, err := rawjson.Parse([]byte(text))
		if err != nil || !partition.IsObject() || !utf8.ValidString(name) {
			return
		}
		key := OffsetKey(name, partition)
		var elements []json.RawMessage
		if err := json.Unmarshal(key, &elements); err != nil || len(elements) != 2 {
			t.Fatalf("%s is no array of two: %v", key, err)
		}
		read, own, err := PartitionOf(key, name)
		if !own || err != nil || read != partition {
			t.Fatalf("%s reads back as %s, own %v: %v", key, read, own, err)
		}
	})
}

func FuzzPartitionOf(f *testing.F) {
	for _, key := range []string{`["a",{}]`, `{"schema":{},"payload":["a",{}]}`, `["a",{"b":[1,2]}]x`} {
		f.Add([]byte(key), "a")
	}
	f.Fuzz(func(t *testing.T, key []byte, name string) {
		partition, own, err := PartitionOf(key, name)
		if own && err == nil && string(OffsetKey(name, partition)) != string(key) {
			t.Fatalf("key %q is taken for %q", key, OffsetKey(name, partition))
		}
	})
}
