package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

// Source is a YAML or JSON document as JSON, which knows where its keys and
// values stand.
type Source struct {
	json []byte
	at   map[string]position // by place, joined with NUL
	null map[string]bool     // places that hold null, likewise
}

type position struct{ line, column int }

// What these documents hold is small. Aliases within aliases are not.
const (
	maxDepth  = 64
	maxBytes  = 8 << 20
	maxValues = 50_000
)

// Read reads one YAML or JSON document. Text keeps every character: a plain
// number or true without quotes stays a number or a boolean, for a schema to
// refuse. Duplicate keys, YAML merge keys, unknown YAML tags and more than one
// document are refused with a [DocumentError].
func Read(content []byte) (*Source, error) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) {
		return nil, &DocumentError{Expected: "is not UTF-8 text"}
	}
	root, err := parse(content)
	if err != nil {
		return nil, err
	}
	source := &Source{at: map[string]position{}, null: map[string]bool{}}
	var out bytes.Buffer
	if err := source.write(&out, root, nil, 0); err != nil {
		return nil, err
	}
	source.json = out.Bytes()
	return source, nil
}

// JSON returns the document as JSON.
func (s *Source) JSON() []byte { return s.json }

// Problem returns an error about a place of this document, which is found at what is
// nearest above it.
func (s *Source) Problem(place []string, expected string) *DocumentError {
	for known := len(place); known >= 0; known-- {
		if at, ok := s.at[key(place[:known])]; ok {
			return &DocumentError{Line: at.line, Column: at.column, Place: place, Expected: expected}
		}
	}
	return &DocumentError{Place: place, Expected: expected}
}

// empty reports whether null stands at a place.
func (s *Source) empty(place []string) bool { return s.null[key(place)] }

func key(place []string) string { return strings.Join(place, "\x00") }

func below(place []string, key string) []string { return append(place[:len(place):len(place)], key) }

// parse reads JSON as JSON, so that its escapes and tabs mean what they mean
// there, and everything else as YAML.
func parse(content []byte) (*yaml.Node, error) {
	if json.Valid(content) {
		return parseJSON(content)
	}
	root, err := parseYAML(content)
	if err != nil && looksLikeJSON.Match(content) {
		return nil, invalidJSON(content)
	}
	return root, err
}

func parseYAML(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &DocumentError{Expected: "is empty"}
		}
		return nil, invalidYAML(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &DocumentError{Expected: "holds more than one document, expected one"}
	}
	if len(document.Content) != 1 {
		return nil, &DocumentError{Expected: "is empty"}
	}
	return document.Content[0], nil
}

var yamlLine = regexp.MustCompile(`line \d+`)

// invalidYAML says in our words what the parser found: its own may quote a value.
func invalidYAML(err error) *DocumentError {
	text, expected := err.Error(), "is not valid YAML"
	if line := yamlLine.FindString(text); line != "" {
		expected += ", look near " + line
	}
	for found, advice := range map[string]string{
		"cannot start any token":         "indent with blanks, not tabs, and put values with special characters in quotes",
		"mapping values are not allowed": "check the indentation, and put values with a colon in quotes",
		"unknown anchor":                 "put values that start with * in quotes",
		"value contains itself":          "an alias contains itself",
		"control characters":             "it holds control characters",
	} {
		if strings.Contains(text, found) {
			expected += ": " + advice
		}
	}
	return &DocumentError{Expected: expected}
}

// write writes a node as JSON and remembers where it stands.
func (s *Source) write(out *bytes.Buffer, node *yaml.Node, place []string, depth int) error {
	if _, known := s.at[key(place)]; !known {
		s.at[key(place)] = position{node.Line, node.Column}
	}
	if depth > maxDepth {
		return s.Problem(place[:3], "is nested too deeply, or an alias contains itself")
	}
	if out.Len() > maxBytes || len(s.at) > maxValues {
		return s.Problem(place, "is too large, maybe by aliases within aliases")
	}
	switch node.Kind {
	case yaml.MappingNode:
		return s.writeMapping(out, node, place, depth)
	case yaml.SequenceNode:
		return s.writeList(out, node, place, depth)
	case yaml.ScalarNode:
		return s.writeScalar(out, node, place)
	case yaml.AliasNode:
		return s.write(out, node.Alias, place, depth+1)
	case yaml.DocumentNode: // only ever the root
	}
	return s.Problem(place, "is no value")
}

func (s *Source) writeMapping(out *bytes.Buffer, node *yaml.Node, place []string, depth int) error {
	out.WriteByte('{')
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		label, value := node.Content[i], node.Content[i+1]
		here := below(place, label.Value)
		refuse := func(shown []string, expected string) error {
			return &DocumentError{Line: label.Line, Column: label.Column, Place: shown, Expected: expected}
		}
		switch {
		case label.Kind != yaml.ScalarNode:
			return refuse(place, "a key must be plain text")
		case label.Tag == "!!merge":
			return refuse(place, "merge keys (<<) are not read, write the settings out")
		case seen[label.Value] && value.Tag == "!!null":
			return refuse(place, "a key appears twice") // without a value it may be a stray one
		case seen[label.Value]:
			return refuse(here, "the key appears twice")
		}
		seen[label.Value] = true
		// A collection is found by its key, a single value by itself.
		if value.Kind != yaml.ScalarNode {
			s.at[key(here)] = position{label.Line, label.Column}
		}
		if i > 0 {
			out.WriteByte(',')
		}
		writeText(out, label.Value)
		out.WriteByte(':')
		if err := s.write(out, value, here, depth+1); err != nil {
			return err
		}
		s.at[key(below(here, keyMark))] = position{label.Line, label.Column}
	}
	out.WriteByte('}')
	return nil
}

// keyMark makes of a place the place of its key.
const keyMark = "\x00key"

func (s *Source) writeList(out *bytes.Buffer, node *yaml.Node, place []string, depth int) error {
	out.WriteByte('[')
	for i, element := range node.Content {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := s.write(out, element, below(place, fmt.Sprint(i)), depth+1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

// number is a number in YAML and in JSON alike. What only YAML takes for one,
// such as 0x1F, is kept as the text it is.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (s *Source) writeScalar(out *bytes.Buffer, node *yaml.Node, place []string) error {
	switch node.Tag {
	case "!!null":
		s.null[key(place)] = true
		out.WriteString("null")
		return nil
	case "!!bool":
		if node.Value == "true" || node.Value == "false" {
			out.WriteString(node.Value)
			return nil
		}
	case "!!int", "!!float":
		if number.MatchString(node.Value) {
			out.WriteString(node.Value)
			return nil
		}
	case "!!str", "!!timestamp":
	default:
		return s.Problem(place, "YAML tags are not read, put values that start with ! in quotes")
	}
	writeText(out, node.Value)
	return nil
}

func writeText(out *bytes.Buffer, text string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string can always be encoded
	out.Truncate(out.Len() - 1)
}
