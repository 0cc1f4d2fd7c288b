package rawjson

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzObject changes one member of an object and checks that all others keep their bytes.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a.b":{"n":9007199254740993},"a":{"b":1.50},"":null}`), "a.b", []byte(`1e400`))
	f.Add([]byte(`{ "x" : "\u00e4\/" , "0":[ 1 , 2 ] }`), "0", []byte(`"y"`))
	f.Add([]byte(`{"a|b":1,"a\"b":2,"*":3,"#":4,"@this":5,"a\\b":6}`), "a\"b", []byte(`{}`))
	f.Fuzz(func(t *testing.T, document []byte, key string, member []byte) {
		object, err := ParseObject(document)
		if err != nil || !utf8.ValidString(key) {
			return
		}
		value, err := Parse(member)
		if err != nil {
			return
		}
		if text := bytes.TrimSpace(document); object.String() != string(text) {
			t.Fatalf("%q became %q", text, object)
		}
		changed, removed := object.With(key, value), object.Without(key)
		if got, ok := changed.Get(key); !ok || got.String() != value.String() {
			t.Fatalf("With(%q, %s) of %s is %s", key, value, object, changed)
		}
		if _, ok := removed.Get(key); ok {
			t.Fatalf("Without(%q) of %s is %s", key, object, removed)
		}
		var others []string
		for _, name := range object.Keys() {
			if name == key {
				continue
			}
			others = append(others, name)
			before, _ := object.Get(name)
			for _, after := range []Object{changed, removed} {
				if got, ok := after.Get(name); !ok || got.String() != before.String() {
					t.Fatalf("%q was %s and is %s, in %s from %s", name, before, got, after, object)
				}
			}
		}
		notKey := func(name string) bool { return name == key }
		if got := slices.DeleteFunc(changed.Keys(), notKey); !slices.Equal(got, others) || !slices.Equal(removed.Keys(), others) {
			t.Fatalf("keys %q, then %q and %q", others, got, removed.Keys())
		}
		for _, text := range []string{changed.String(), removed.String(), changed.Value().Canonical()} {
			if !json.Valid([]byte(text)) {
				t.Fatalf("%s is not valid", text)
			}
			if _, err := ParseObject([]byte(text)); err != nil {
				t.Fatalf("%s is refused: %v", text, err)
			}
		}
	})
}

// FuzzNumber checks that a number keeps its digits, wherever it is.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"9007199254740993", "-0", "1.50", "1e400", "0.10000000000000000001", "-1E-7", "100", "1e2"} {
		f.Add(seed, seed+"0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		one, errA := Parse([]byte(a))
		other, errB := Parse([]byte(b))
		if errA != nil || errB != nil || !isNumber(one) || !isNumber(other) {
			return
		}
		within, err := Parse([]byte(`{"n":[` + one.String() + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		object, _ := within.Object()
		list, _ := object.Get("n")
		if elements, ok := list.Elements(); !ok || len(elements) != 1 || elements[0].String() != one.String() {
			t.Fatalf("%s lost its digits in %s", one, within)
		}
		// The same whole number has one canonical text, another has another.
		if whole(one) && whole(other) && Equal(one, other) != (strings.TrimPrefix(one.String(), "-0") == strings.TrimPrefix(other.String(), "-0") || zero(one) && zero(other)) {
			t.Fatalf("%s and %s: equal %v", one, other, Equal(one, other))
		}
	})
}

func isNumber(value Value) bool { return strings.ContainsAny(value.String()[:1], "-0123456789") }
func whole(value Value) bool    { return !strings.ContainsAny(value.String(), ".eE") }
func zero(value Value) bool     { return value.String() == "0" || value.String() == "-0" }
