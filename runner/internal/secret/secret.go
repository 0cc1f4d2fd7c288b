// Package secret keeps credentials from being printed.
//
// A [String] prints as *** whatever prints it. A [Mask] is the last line of
// defence: it replaces known secrets in text that came from elsewhere, such as
// a worker's error message.
package secret

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const hidden = "***"

// String is a secret. Only [String.Reveal] gives it away. Its zero value is no
// secret.
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

// Format prints *** for every verb and flag.
func (s String) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue is what slog prints.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what encoders print.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes a secret from a document.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// shortest is the length below which a value is not masked in foreign text: it
// would shred every line that happens to contain it.
const shortest = 4

// Mask replaces known secrets in text. It is safe for concurrent use.
type Mask struct {
	mu     sync.RWMutex
	values []string // longest first
}

// Add makes the mask know further secrets, in the forms in which they travel:
// as they are, inside JSON, inside a URL, and in base64.
func (m *Mask) Add(secrets ...String) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, secret := range secrets {
		value := secret.Reveal()
		if len(value) < shortest {
			continue
		}
		quoted, _ := json.Marshal(value)
		m.values = append(m.values, value, string(quoted[1:len(quoted)-1]), url.QueryEscape(value),
			url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value)))
	}
	slices.SortFunc(m.values, func(a, b string) int { return len(b) - len(a) })
	m.values = slices.Compact(m.values)
}

// Text returns text with every known secret replaced by ***.
func (m *Mask) Text(text string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, value := range m.values {
		text = strings.ReplaceAll(text, value, hidden)
	}
	return text
}

// Writer returns a writer that masks what is written to out. A secret must not
// be split over two writes; printers here write whole lines.
func (m *Mask) Writer(out io.Writer) io.Writer { return maskedWriter{mask: m, out: out} }

type maskedWriter struct {
	mask *Mask
	out  io.Writer
}

func (w maskedWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.out, w.mask.Text(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

var sensitive = regexp.MustCompile(`(?i)passw|passphrase|secret|token|jaas|credential|api[._-]?key|private[._-]?key|access[._-]?key|sas[._-]?key|connection[._-]?string|basic[._-]?auth`)

// reference is a value a config provider resolves, ${provider:path:key}: it names
// a secret and is none.
var reference = regexp.MustCompile(`^\$\{[^}]+\}$`)

// InConfig reports whether a connector's setting probably holds a secret in
// clear, by its key and value.
func InConfig(key, value string) bool {
	return sensitive.MatchString(key) && !reference.MatchString(value)
}
