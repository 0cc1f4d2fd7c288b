package rules

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/schemas"
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

func (m Match) check(source *schemas.Source, at []string) error {
	for i, glob := range m.Glob {
		if _, err := path.Match(glob, ""); err != nil {
			return source.Problem(append(at[:len(at):len(at)], "glob", strconv.Itoa(i)), "is not a pattern: a [ or a \\ has no end")
		}
	}
	if m.Not != nil {
		return m.Not.check(source, append(at[:len(at):len(at)], "not"))
	}
	return nil
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
		if _, set := listed.Config.Get(setting); !set || !of.MatchString(listed.Config.Text(setting)) {
			return false
		}
	}
	return true
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
	if _, err = regexp.Compile(string(text)); err == nil { // so that an error quotes what was written
		w.Regexp, err = regexp.Compile(`^(?s:` + string(text) + `)$`)
	}
	return err
}
