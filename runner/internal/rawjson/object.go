package rawjson

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Object is a JSON object. The zero value is the empty object. Members keep their order
// and their bytes; setting one leaves the others untouched.
type Object struct{ text string }

// ParseObject is [Parse] for a document that must be a JSON object.
func ParseObject(document []byte) (Object, error) {
	value, err := Parse(document)
	if err != nil {
		return Object{}, err
	}
	return value.Object()
}

// Object returns v as an object, or an error that says what it is instead.
func (v Value) Object() (Object, error) {
	if !v.IsObject() {
		return Object{}, fmt.Errorf("%s where a JSON object was expected", v.kind())
	}
	return Object(v), nil
}

func (v Value) kind() string {
	switch result := v.result(); {
	case v.IsZero():
		return "nothing"
	case result.IsArray():
		return "a JSON array"
	case v.IsNull():
		return "null"
	default:
		return "a JSON " + strings.ToLower(result.Type.String())
	}
}

// Value returns the object as a [Value].
func (o Object) Value() Value { return Value{text: o.orEmpty()} }

// String returns the JSON text.
func (o Object) String() string { return o.orEmpty() }

// Keys returns the keys in the order of the document.
func (o Object) Keys() []string {
	var keys []string
	o.each(func(key string, _ Value) { keys = append(keys, key) })
	return keys
}

// Len returns the number of members.
func (o Object) Len() int { return len(o.Keys()) }

// Get returns the member under exactly this key.
func (o Object) Get(key string) (member Value, ok bool) {
	o.each(func(candidate string, value Value) {
		if candidate == key {
			member, ok = value, true
		}
	})
	return member, ok
}

// Text returns the member under exactly this key if it is a JSON string, and
// "" otherwise.
func (o Object) Text(key string) string {
	member, _ := o.Get(key)
	text, _ := member.Text()
	return text
}

// Int returns the member under exactly this key if it is an integer that an int64
// holds, see [Value.Int].
func (o Object) Int(key string) (int64, bool) {
	member, ok := o.Get(key)
	if !ok {
		return 0, false
	}
	return member.Int()
}

// With returns a copy in which key holds value: in its old place if the key was
// there, at the end if not.
func (o Object) With(key string, value Value) Object {
	if key == "" {
		// sjson has no path for the empty key, which is legal JSON.
		return o.rebuild(key, value)
	}
	text, err := sjson.SetRaw(o.orEmpty(), path(key), value.orNull())
	if err != nil {
		panic("rawjson: setting an escaped key of a valid object cannot fail: " + err.Error())
	}
	return Object{text: text}
}

// Without returns a copy without key.
func (o Object) Without(key string) Object {
	if _, ok := o.Get(key); !ok {
		return o
	}
	// Not sjson.Delete: FuzzParse found that it leaves broken JSON for keys with quotes.
	return o.rebuild(key, Value{})
}

// Patched returns a copy with the members of patch; those that are null are removed (RFC 7386,
// without going into members).
func (o Object) Patched(patch Object) Object {
	patch.each(func(key string, value Value) {
		if value.IsNull() {
			o = o.Without(key)
		} else {
			o = o.With(key, value)
		}
	})
	return o
}

// rebuild writes the object anew with key holding value, or without it if value
// is the zero Value.
func (o Object) rebuild(key string, value Value) Object {
	var members []string
	placed := value.IsZero()
	o.each(func(candidate string, member Value) {
		if candidate == key {
			if value.IsZero() {
				return
			}
			member, placed = value, true
		}
		members = append(members, String(candidate).text+":"+member.text)
	})
	if !placed {
		members = append(members, String(key).text+":"+value.text)
	}
	return Object{text: "{" + strings.Join(members, ",") + "}"}
}

// MarshalJSON returns the text unchanged.
func (o Object) MarshalJSON() ([]byte, error) { return []byte(o.orEmpty()), nil }

// UnmarshalJSON keeps the text unchanged; see [ParseObject] for what it refuses.
func (o *Object) UnmarshalJSON(document []byte) error {
	parsed, err := ParseObject(document)
	if err != nil {
		return err
	}
	*o = parsed
	return nil
}

func (o Object) each(visit func(key string, value Value)) {
	gjson.Parse(o.orEmpty()).ForEach(func(key, member gjson.Result) bool {
		visit(key.String(), Value{text: member.Raw})
		return true
	})
}

func (o Object) orEmpty() string {
	if o.text == "" {
		return "{}"
	}
	return o.text
}

// path escapes a key so that sjson takes it as a single key. The leading colon keeps
// sjson from reading a number as an array index.
func path(key string) string { return ":" + gjson.Escape(key) }
