// Package rawjson carries other programs' JSON without changing it.
//
// Offsets and connector configs belong to the connector. A float64 turns 9007199254740993
// into ...992, and a path library reads the key "connector.class" as two levels; both
// corrupt data silently. So this package, the only importer of gjson and sjson, offers
// two types: [Value], any JSON text kept byte for byte, and [Object], a JSON object whose
// members can be read, set and removed by their exact keys. It refuses invalid JSON and
// duplicate keys, and offers no paths. [Encode] writes values of our own just as plainly.
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// Value is one valid JSON text, byte for byte as it was read. The zero value is no JSON
// at all and marshals as null.
type Value struct{ text string }

// Null is the JSON null.
var Null = Value{text: "null"}

// Parse returns the JSON text in document without the white space around it.
// It is an error if document is not exactly one valid JSON text, is not valid
// UTF-8, or repeats a key within one object.
func Parse(document []byte) (Value, error) {
	trimmed := bytes.TrimSpace(document)
	if len(trimmed) == 0 {
		return Value{}, fmt.Errorf("empty document where JSON was expected")
	}
	if !utf8.Valid(trimmed) {
		return Value{}, fmt.Errorf("document is not valid UTF-8")
	}
	if !gjson.ValidBytes(trimmed) {
		return Value{}, invalid(trimmed)
	}
	value := Value{text: string(trimmed)}
	if err := refuseDuplicates(value.result(), 0); err != nil {
		return Value{}, err
	}
	return value, nil
}

// maxDepth bounds the recursion into foreign documents.
const maxDepth = 256

func refuseDuplicates(value gjson.Result, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("document is nested deeper than %d levels", maxDepth)
	}
	if !value.IsObject() && !value.IsArray() {
		return nil
	}
	var seen keys
	var failure error
	object := value.IsObject()
	value.ForEach(func(key, member gjson.Result) bool {
		if object && seen.add(key.String()) {
			failure = fmt.Errorf("key %q appears twice in one object", key.String())
			return false
		}
		failure = refuseDuplicates(member, depth+1)
		return failure == nil
	})
	return failure
}

// keys are those of one object. A document of offsets is many objects with few keys each.
type keys struct {
	few  [8]string
	len  int
	many map[string]bool // from the ninth on
}

// add reports whether the key was there already.
func (k *keys) add(key string) bool {
	if slices.Contains(k.few[:min(k.len, len(k.few))], key) || k.many[key] {
		return true
	}
	if k.len < len(k.few) {
		k.few[k.len] = key
	} else {
		if k.many == nil {
			k.many = map[string]bool{}
		}
		k.many[key] = true
	}
	k.len++
	return false
}

// invalid says where the JSON is invalid; gjson only says that it is.
func invalid(document []byte) error {
	var anything json.RawMessage
	err := json.Unmarshal(document, &anything)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(document[:min(int(syntax.Offset), len(document))], []byte("\n"))
		return fmt.Errorf("not valid JSON at line %d: %w", line, err)
	}
	if err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	return fmt.Errorf("not valid JSON")
}

// String returns a JSON string holding text.
func String(text string) Value {
	if isPlain(text) {
		return Value{text: `"` + text + `"`}
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		panic("rawjson: a Go string always marshals: " + err.Error())
	}
	return Value{text: string(encoded)}
}

// isPlain reports whether json.Marshal would only put a text in quotes.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// Int returns a JSON number.
func Int(number int64) Value { return Value{text: strconv.FormatInt(number, 10)} }

// Bool returns true or false.
func Bool(is bool) Value { return Value{text: strconv.FormatBool(is)} }

// Array returns a JSON array of the given values.
func Array(values ...Value) Value {
	var text bytes.Buffer
	text.WriteByte('[')
	for i, value := range values {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(value.orNull())
	}
	text.WriteByte(']')
	return Value{text: text.String()}
}

// Bytes returns the JSON text.
func (v Value) Bytes() []byte { return []byte(v.orNull()) }

// String returns the JSON text.
func (v Value) String() string { return v.orNull() }

// IsZero reports whether v holds no JSON at all, which is not the same as null.
func (v Value) IsZero() bool { return v.text == "" }

// IsNull reports whether v is the JSON null.
func (v Value) IsNull() bool { return v.text == "null" }

// IsObject reports whether v is a JSON object.
func (v Value) IsObject() bool { return v.text != "" && v.text[0] == '{' }

// Text returns the content of a JSON string; ok is false for anything else.
func (v Value) Text() (text string, ok bool) {
	if result := v.result(); result.Type == gjson.String {
		return result.String(), true
	}
	return "", false
}

// Int returns the content of a JSON number that is an integer within int64; ok
// is false for anything else.
func (v Value) Int() (number int64, ok bool) {
	number, err := strconv.ParseInt(v.text, 10, 64)
	return number, err == nil
}

// Bool returns the content of a JSON boolean; ok is false for anything else.
func (v Value) Bool() (is, ok bool) {
	return v.text == "true", v.text == "true" || v.text == "false"
}

// Elements returns the elements of a JSON array; ok is false for anything else.
func (v Value) Elements() (elements []Value, ok bool) {
	result := v.result()
	if !result.IsArray() {
		return nil, false
	}
	for _, element := range result.Array() {
		elements = append(elements, Value{text: element.Raw})
	}
	return elements, true
}

// MarshalJSON returns the text unchanged.
func (v Value) MarshalJSON() ([]byte, error) { return v.Bytes(), nil }

// UnmarshalJSON keeps the text unchanged; see [Parse] for what it refuses.
func (v *Value) UnmarshalJSON(document []byte) error {
	parsed, err := Parse(document)
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

func (v Value) orNull() string {
	if v.text == "" {
		return "null"
	}
	return v.text
}

func (v Value) result() gjson.Result { return gjson.Parse(v.text) }
