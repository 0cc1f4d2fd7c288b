// Package secret keeps credentials from being printed.
//
// A [String] prints as *** whatever prints it. A [Mask] is the last line of defence: it
// replaces known secrets in text that comes from elsewhere, such as a worker's error
// message. [InConfig] reports which settings of a connector probably hold a secret.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "***"

// String is a secret. Only [String.Reveal] gives it away. The zero value is no secret and
// prints as "", to show that it is not set.
//
// It holds a pointer because fmt calls no methods on values in unexported fields, but
// prints only an address for a pointer there.
type String struct{ value *string }

// New returns value as a secret.
func New(value string) String { return String{value: &value} }

// Reveal returns the secret. Call it where the secret is used, and do not keep the result
// in a field.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty or not set.
func (s String) IsZero() bool { return s.Reveal() == "" }

// String returns *** for a secret and "" for none.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString masks the secret for %#v.
func (s String) GoString() string { return s.String() }

// Format prints *** for every verb and flag.
func (s String) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue masks the secret for slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText masks the secret for encoders such as JSON and YAML.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a secret from a document.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
