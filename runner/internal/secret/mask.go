package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// shortest is the length in bytes below which a value is not masked: masking it would
// shred every line that happens to contain it. A shorter password is still masked
// together with its user, as in HTTP basic authentication.
const shortest = 4

// shortestLine is the length from which a single line of a multi-line secret is masked on
// its own: printers break text into lines.
const shortestLine = 16

// Mask replaces known secrets in text. It is safe for concurrent use.
//
// In JSON it masks only string values, so that a password such as connect breaks no key
// or number of a document that programs read.
type Mask struct {
	mu     sync.RWMutex
	values []string // found however they are escaped; sorted, each once
	forms  []string // found only as they are; sorted, each once
}

// Add adds secrets to the mask. It finds them as they are, escaped in JSON, HTML or a
// URL, quoted by Go, on one line, and in base64. It ignores values shorter than four
// bytes and words such as true.
func (m *Mask) Add(secrets ...String) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, secret := range secrets {
		value := secret.Reveal()
		if len(value) < shortest || isWord(value) {
			continue
		}
		m.values = append(m.values, value)
		m.forms = append(m.forms, forms(value)...)
		if lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
			for _, line := range lines {
				if len(line) >= shortestLine {
					m.values = append(m.values, line)
				}
			}
		}
	}
	slices.Sort(m.values)
	slices.Sort(m.forms)
	m.values, m.forms = slices.Compact(m.values), slices.Compact(m.forms)
}

// isWord reports whether a value is a keyword and no secret, whatever its key: masking
// every true makes nobody safer.
func isWord(value string) bool {
	return slices.Contains([]string{"true", "false", "null", "none"}, strings.ToLower(value))
}

// forms returns the encodings of a value that no [view] decodes: + for a blank in a URL,
// and base64.
func forms(value string) []string {
	all := []string{url.QueryEscape(value), lowerHex(url.QueryEscape(value))}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(value)))
	}
	return all
}

// quoted escapes text for the inside of a JSON string.
func quoted(text string, escapeHTML bool) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(text) // a string can always be encoded
	line := strings.TrimSuffix(out.String(), "\n")
	// Kestra takes NEXT LINE for the end of a line.
	return strings.ReplaceAll(line[1:len(line)-1], "\u0085", `\u0085`)
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerHex(text string) string { return percent.ReplaceAllStringFunc(text, strings.ToLower) }

// Text replaces every known secret in text by ***. A nil mask knows none.
func (m *Mask) Text(text string) string {
	if m == nil {
		return text
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(m.values) == 0 {
		return text
	}
	if isDocument(text) {
		return m.document(text)
	}
	lines := strings.SplitAfter(text, "\n")
	if !slices.ContainsFunc(lines, func(line string) bool { return isDocument(unmark(line)) }) {
		return m.plain(text) // a secret may span several lines
	}
	var out strings.Builder
	for _, line := range lines {
		if body := unmark(line); isDocument(body) {
			line = strings.Replace(line, body, m.document(body), 1)
		} else {
			line = m.plain(line)
		}
		out.WriteString(line)
	}
	return out.String()
}

// unmark returns the JSON within a Kestra marker line, ::{...}::.
func unmark(line string) string {
	line = strings.TrimSpace(line)
	if body, ok := strings.CutPrefix(line, "::"); ok {
		if body, ok := strings.CutSuffix(body, "::"); ok {
			return body
		}
	}
	return line
}

func isDocument(text string) bool {
	start := strings.TrimLeft(text, " \t\r\n")
	return start != "" && (start[0] == '{' || start[0] == '[') && json.Valid([]byte(text))
}

// plain masks all of text. It first finds every occurrence and then replaces them, so
// that no piece of two overlapping secrets is left.
func (m *Mask) plain(text string) string {
	spans := occurrences(text, m.values)
	for _, form := range m.forms {
		spans = append(spans, plainSpans(text, form)...)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var out strings.Builder
	done := 0
	for i := 0; i < len(spans); {
		end := spans[i].to
		out.WriteString(text[done:spans[i].from] + hidden)
		for i++; i < len(spans) && spans[i].from < end; i++ {
			end = max(end, spans[i].to)
		}
		done = end
	}
	return out.String() + text[done:]
}

func plainSpans(text, form string) []span {
	var spans []span
	for from := 0; ; {
		found := strings.Index(text[from:], form)
		if found < 0 {
			return spans
		}
		spans = append(spans, span{from + found, from + found + len(form)})
		from += found + 1
	}
}

// jsonStrings finds the strings of valid JSON, with the colon if it is a key.
var jsonStrings = regexp.MustCompile(`"(?:[^"\\]|\\.)*"\s*:?`)

func (m *Mask) document(text string) string {
	return jsonStrings.ReplaceAllStringFunc(text, func(found string) string {
		end := strings.LastIndexByte(found, '"') + 1
		var value string
		if strings.HasSuffix(found, ":") || json.Unmarshal([]byte(found[:end]), &value) != nil {
			return found
		}
		masked := m.plain(value)
		if masked == value {
			return found
		}
		return `"` + quoted(masked, false) + `"` + found[end:]
	})
}

// Writer returns a writer that masks what it writes to out. A secret or a JSON document
// MUST NOT be split over two writes; the printers here write whole lines.
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
