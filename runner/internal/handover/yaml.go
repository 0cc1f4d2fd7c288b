package handover

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mapping is a YAML mapping in the order in which it is written. Every text in it is quoted:
// the readers of these files follow YAML 1.1, to which on is true, 1:30 is 90 and 0123 is 83.
type mapping struct{ node *yaml.Node }

func newMapping() mapping { return mapping{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}} }

func (m mapping) add(key string, value *yaml.Node) mapping {
	m.node.Content = append(m.node.Content, keyNode(key), value)
	return m
}

func (m mapping) text(key, value string) mapping { return m.add(key, textNode(value)) }

// plain adds a value that stands without quotes: a number, or a word of the resource's schema.
func (m mapping) plain(key, value string) mapping {
	return m.add(key, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
}

func (m mapping) mapping(key string, value mapping) mapping { return m.add(key, value.node) }

// settings adds settings, each secret with what to fill in.
func (m mapping) settings(settings []Setting) mapping {
	for _, setting := range settings {
		value := textNode(setting.text())
		if setting.Variable != "" {
			value.LineComment = "# " + oneLine(setting.fillIn())
		}
		m.add(setting.Key, value)
	}
	return m
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}
}

var plainKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/-]*$`)

// words are what YAML 1.1 does not take for texts.
var words = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

func keyNode(key string) *yaml.Node {
	if plainKey.MatchString(key) && !slices.Contains(words, strings.ToLower(key)) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
	}
	return textNode(key)
}

// document writes the mapping under a comment.
func (m mapping) document(comment ...string) (string, error) {
	var out bytes.Buffer
	for _, line := range comment {
		out.WriteString("# " + oneLine(line) + "\n")
	}
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(m.node); err != nil {
		return "", err
	}
	return out.String(), encoder.Close()
}

// oneLine keeps a name from ending a comment.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}
