package rules

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// Match holds conditions that all have to hold. The zero value matches every connector.
type Match struct {
	Name   texts            `json:"name"`
	Glob   texts            `json:"glob"`
	Regex  regexes          `json:"regex"`
	Class  texts            `json:"class"`
	Type   string           `json:"type"` // source or sink
	Config map[string]whole `json:"config"`
	Not    *Match           `json:"not"`
}

// Matches reports whether all conditions hold for a connector.
func (m Match) Matches(connector string, listed connect.Listed) bool {
	switch {
	case m.Name != nil && !slices.Contains(m.Name, connector),
		m.Glob != nil && !slices.ContainsFunc(m.Glob, func(glob string) bool { return globs(glob, connector) }),
		m.Regex != nil && !slices.ContainsFunc(m.Regex, func(of whole) bool { return of.MatchString(connector) }),
		m.Class != nil && !slices.ContainsFunc(m.Class, func(class string) bool { return connect.NamesClass(class, listed.Config.Text("connector.class")) }),
		m.Type != "" && m.Type != listed.Status.Type,
		m.Not != nil && m.Not.Matches(connector, listed):
		return false
	}
	for setting, of := range m.Config {
		value, _ := listed.Config.Get(setting)
		if text, set := value.Text(); !set || !of.MatchString(text) {
			return false
		}
	}
	return true
}

// certain is Matches for connectors whose type a worker may not know: it reports too whether
// the type makes no difference.
func (m Match) certain(connector string, listed connect.Listed) (matches, certain bool) {
	if listed.Status.Type == "source" || listed.Status.Type == "sink" {
		return m.Matches(connector, listed), true
	}
	listed.Status.Type = "source"
	matches = m.Matches(connector, listed)
	listed.Status.Type = "sink"
	return matches, matches == m.Matches(connector, listed)
}

// globs reports whether a pattern matches a name. Unlike in paths, * matches / too.
func globs(pattern, name string) bool {
	escape := func(text string) string {
		var out []rune
		for _, char := range text {
			if char == '/' {
				char = '\x00'
			}
			out = append(out, char)
		}
		return string(out)
	}
	matched, err := path.Match(escape(pattern), escape(name))
	return err == nil && matched
}

// texts is one text or several.
type texts []string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *texts) UnmarshalJSON(document []byte) error {
	var one string
	if json.Unmarshal(document, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(document, (*[]string)(t))
}

// regexes is one regular expression or several.
type regexes []whole

// UnmarshalJSON implements [json.Unmarshaler].
func (r *regexes) UnmarshalJSON(document []byte) error {
	var all texts
	if err := json.Unmarshal(document, &all); err != nil {
		return err
	}
	for _, text := range all {
		var one whole
		if err := one.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		*r = append(*r, one)
	}
	return nil
}

// whole is a regular expression for a whole text.
type whole struct{ *regexp.Regexp }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (w *whole) UnmarshalText(text []byte) (err error) {
	if w.Regexp, err = regexp.Compile(`(?s)` + string(text)); err == nil {
		w.Longest()
	}
	return err
}

// MatchString reports whether the expression matches all of a text: then its first and longest
// match is that. Anchors around it would change some expressions, such as \Q without \E.
func (w whole) MatchString(text string) bool {
	found := w.FindStringIndex(text)
	return found != nil && found[0] == 0 && found[1] == len(text)
}
