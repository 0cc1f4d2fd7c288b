// Package secret keeps credentials from being printed.
//
// A [String] prints as *** whatever prints it. A [Mask] is the last line of
// defence: it replaces known secrets in text that came from elsewhere, such as
// a worker's error message. [InConfig] says which settings of a connector
// probably hold one.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "***"

// String is a secret. Only [String.Reveal] gives it away. Its zero value is no
// secret, and prints as nothing so that a person sees that it is not set.
//
// It points to the text: fmt calls no method of a value it reaches through an
// unexported field, and prints an address for a pointer there.
type String struct{ value *string }

// New returns value as a secret.
func New(value string) String { return String{value: &value} }

// Reveal returns the secret. Call it where it is used, and keep the result in
// no field.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s String) IsZero() bool { return s.Reveal() == "" }

// String returns *** for a secret and "" for none.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString is what printers of Go values print.
func (s String) GoString() string { return s.String() }

// Format prints *** for every verb and flag.
func (s String) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue is what slog prints.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what encoders print, of JSON and YAML too.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes a secret from a document.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
