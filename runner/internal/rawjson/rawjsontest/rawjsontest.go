// Package rawjsontest reads JSON that stands in a test.
package rawjsontest

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Value returns the value that text is. It fails the test if text is not valid JSON.
func Value(t testing.TB, text string) rawjson.Value {
	t.Helper()
	value, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// Object returns the object that text is. It fails the test if it is none.
func Object(t testing.TB, text string) rawjson.Object {
	t.Helper()
	object, err := rawjson.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return object
}
