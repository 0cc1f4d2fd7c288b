package rawjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func object(t *testing.T, document string) Object {
	t.Helper()
	parsed, err := ParseObject([]byte(document))
	if err != nil {
		t.Fatalf("ParseObject(%s): %v", document, err)
	}
	return parsed
}

func TestValuesKeepTheirDigits(t *testing.T) {
	for _, document := range []string{
		`9007199254740993`, `-9223372036854775808`, `1e3`, `0.1000`, `123456789012345678901234567890`,
		`{"z":1,"a":9007199254740993}`, `"ä\n\u0000"`, `[1.0,1]`, `null`,
	} {
		value, err := Parse([]byte(" " + document + "\n"))
		if err != nil {
			t.Fatalf("Parse(%s): %v", document, err)
		}
		if value.String() != document {
			t.Errorf("Parse(%s) reads back as %s", document, value)
		}
		encoded, err := json.Marshal(map[string]Value{"v": value})
		if err != nil {
			t.Fatalf("Marshal(%s): %v", document, err)
		}
		var decoded map[string]Value
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatalf("Unmarshal(%s): %v", encoded, err)
		}
		if !Equal(decoded["v"], value) {
			t.Errorf("%s became %s through encoding/json", value, decoded["v"])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, document := range map[string]string{
		"nothing":       "  ",
		"two documents": `{} {}`,
		"trailing":      `{"a":1}x`,
		"cut":           `{"a":`,
		"not UTF-8":     "\"\xff\"",
		"same key":      `{"a":1,"a":2}`,
		"same key deep": `[{"b":{"a":1,"\u0061":2}}]`,
	} {
		if value, err := Parse([]byte(document)); err == nil {
			t.Errorf("%s: Parse(%q) = %s, want an error", name, document, value)
		}
	}
}

func TestObjectTakesKeysAsTheyAre(t *testing.T) {
	keys := []string{
		"connector.class", "a", "", "*", "0", "1.0", ":x", "a|b", "a#b", `back\slash`, "quote\"", "@this", "-1", "ü", "a b",
		"!", "{", "~", "?", "connector",
	}
	config := object(t, `{"keep":9007199254740993}`)
	for _, key := range keys {
		config = config.With(key, String("value of "+key))
	}
	if config.Len() != len(keys)+1 {
		t.Fatalf("%d members, want %d: %s", config.Len(), len(keys)+1, config)
	}
	for _, key := range keys {
		if got := config.Text(key); got != "value of "+key {
			t.Errorf("key %q holds %q", key, got)
		}
		if changed := config.With(key, Int(7)); changed.Len() != config.Len() {
			t.Errorf("setting %q again added a member: %s", key, changed)
		}
		without := config.Without(key)
		if _, there := without.Get(key); there || without.Len() != config.Len()-1 {
			t.Errorf("removing %q left %s", key, without)
		}
	}
	if kept, _ := config.Get("keep"); kept.String() != "9007199254740993" {
		t.Errorf("an untouched member became %s", kept)
	}
}

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":2}`, `{ "b":2, "a":1 }`, true},
		{`"\u00e4"`, `"ä"`, true},
		{`1e3`, `1000.0`, true},
		{`1.50`, `1.5`, true},
		{`-0`, `0`, true},
		{`1`, `1.0`, false},
		{`9007199254740993`, `9007199254740992`, false},
		{`0.1`, `0.10000000000000000001`, false},
		{`1e999999999`, `1e999999998`, false},
		{`[1,2]`, `[2,1]`, false},
		{`null`, `{}`, false},
		{`"1"`, `1`, false},
	} {
		a, errA := Parse([]byte(test.a))
		b, errB := Parse([]byte(test.b))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if Equal(a, b) != test.same {
			t.Errorf("Equal(%s, %s) = %v", test.a, test.b, !test.same)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,2.50,"x"]}}`, `{"":1}`, `1e400`, `"\ud800"`, `{"a":1,"a":1}`, `[[[`} {
		f.Add([]byte(seed), "connector.class")
	}
	f.Fuzz(func(t *testing.T, document []byte, key string) {
		value, err := Parse(document)
		if err != nil {
			return
		}
		canonical, err := Parse([]byte(value.Canonical()))
		if err != nil {
			t.Fatalf("canonical text of %q is refused: %v", document, err)
		}
		if canonical.Canonical() != value.Canonical() {
			t.Fatalf("canonical text of %q is not stable: %q, %q", document, value.Canonical(), canonical.Canonical())
		}
		config, err := value.Object()
		if err != nil || !utf8.ValidString(key) {
			return
		}
		before := config.Len()
		_, had := config.Get(key)
		changed := config.With(key, Int(7))
		if got, ok := changed.Get(key); !ok || got.String() != "7" {
			t.Fatalf("With(%q) on %s gives %s", key, config, changed)
		}
		if grew := changed.Len() - before; (grew == 0) != had || grew > 1 {
			t.Fatalf("With(%q) on %s changed %d members: %s", key, config, grew, changed)
		}
		if _, err := ParseObject([]byte(changed.Without(key).String())); err != nil {
			t.Fatalf("Without(%q): %v", key, err)
		}
	})
}

// TestManyMembers has more members than the usual object, in no order, and one of them twice.
func TestManyMembers(t *testing.T) {
	var members, sorted []string
	for i := range 30 {
		members = append(members, fmt.Sprintf("%q:%d", fmt.Sprintf("k%02d", (i*7)%30), i))
	}
	sorted = slices.Sorted(slices.Values(members))
	for _, twice := range []int{0, 7, 8, 29} {
		if _, err := Parse([]byte("{" + strings.Join(append(slices.Clone(members), members[twice]), ",") + "}")); err == nil || !strings.Contains(err.Error(), "appears twice") {
			t.Errorf("member %d twice: %v", twice, err)
		}
	}
	value, err := Parse([]byte("{" + strings.Join(members, ", ") + "}"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "{" + strings.Join(sorted, ",") + "}"; value.Canonical() != want {
		t.Errorf("%s, want %s", value.Canonical(), want)
	}
}

// TestString has every text as json.Marshal writes it.
func TestString(t *testing.T) {
	for c := range rune(0x250) {
		text := "a" + string(c) + "b"
		want, err := json.Marshal(text)
		if err != nil || String(text).String() != string(want) {
			t.Errorf("%q is %s, want %s", text, String(text), want)
		}
	}
}
