package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// source is a YAML or JSON document, its JSON form and the lines of its keys.
// JSON is read as YAML, which contains it.
type source struct {
	file  string
	root  *yaml.Node
	json  []byte
	lines map[string]int // by place, joined with NUL
}

func parseSource(file string, content []byte) (*source, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &InputError{File: file, Err: errors.New("is empty, expected the key clusters")}
		}
		return nil, &InputError{File: file, Err: fmt.Errorf("not valid YAML: %s", harmless(err))}
	}
	var second yaml.Node
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &InputError{File: file, Err: errors.New("holds more than one document, expected one")}
	}
	parsed := &source{file: file, root: &document, lines: map[string]int{}}
	var text bytes.Buffer
	if err := parsed.write(&text, document.Content[0], nil, 0); err != nil {
		return nil, err
	}
	parsed.json = text.Bytes()
	return parsed, nil
}

// harmless keeps of a YAML error what cannot quote a value: the line.
func harmless(err error) string {
	if line := regexp.MustCompile(`line (\d+)`).FindString(err.Error()); line != "" {
		return "look at " + line
	}
	return "look at its indentation and quotes"
}

const maxYAMLDepth = 64

// write writes a node as JSON. Every scalar but true, false, null and plain
// integers is text, so that a password of digits and dots stays what it is.
func (s *source) write(out *bytes.Buffer, node *yaml.Node, place []string, depth int) error {
	if depth > maxYAMLDepth {
		return s.errorAt(place, errors.New("is nested too deeply, or an alias contains itself"))
	}
	s.lines[strings.Join(place, "\x00")] = node.Line
	switch node.Kind {
	case yaml.AliasNode:
		return s.write(out, node.Alias, place, depth+1)
	case yaml.MappingNode:
		return s.writeMapping(out, node, place, depth)
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, element := range node.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := s.write(out, element, append(place[:len(place):len(place)], fmt.Sprint(i)), depth+1); err != nil {
				return err
			}
		}
		out.WriteByte(']')
	case yaml.ScalarNode:
		return s.writeScalar(out, node, place)
	case yaml.DocumentNode:
		return s.errorAt(place, errors.New("is a document within a document"))
	}
	return nil
}

func (s *source) writeMapping(out *bytes.Buffer, node *yaml.Node, place []string, depth int) error {
	out.WriteByte('{')
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		here := append(place[:len(place):len(place)], key.Value)
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return s.errorAt(place, errors.New("a key must be plain text"))
		}
		if seen[key.Value] {
			return &InputError{File: s.file, Place: fmt.Sprintf("%s (line %d)", strings.Join(here, "."), key.Line), Err: errors.New("the key appears twice")}
		}
		seen[key.Value] = true
		if i > 0 {
			out.WriteByte(',')
		}
		if err := writeText(out, key.Value); err != nil {
			return s.errorAt(place, err)
		}
		out.WriteByte(':')
		if err := s.write(out, node.Content[i+1], here, depth+1); err != nil {
			return err
		}
		s.lines[strings.Join(here, "\x00")] = key.Line
	}
	out.WriteByte('}')
	return nil
}

var plainInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})$`)

func (s *source) writeScalar(out *bytes.Buffer, node *yaml.Node, place []string) error {
	switch {
	case node.Tag == "!!null":
		out.WriteString("null")
	case node.Tag == "!!bool" && (node.Value == "true" || node.Value == "false"):
		out.WriteString(node.Value)
	case node.Tag == "!!int" && plainInteger.MatchString(node.Value):
		out.WriteString(node.Value)
	default:
		if err := writeText(out, node.Value); err != nil {
			return s.errorAt(place, err)
		}
	}
	return nil
}

func writeText(out *bytes.Buffer, text string) error {
	encoded, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	out.Write(encoded)
	return nil
}

// errorAt returns an error that names the place and, where it is known, its line.
func (s *source) errorAt(place []string, err error) error {
	text := strings.Join(place, ".")
	for known := len(place); known >= 0; known-- {
		if line, ok := s.lines[strings.Join(place[:known], "\x00")]; ok && line > 0 {
			text = strings.TrimSpace(fmt.Sprintf("%s (line %d)", text, line))
			break
		}
	}
	return &InputError{File: s.file, Place: text, Err: err}
}
