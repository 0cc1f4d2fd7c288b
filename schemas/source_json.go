package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

// looksLikeJSON tells a JSON document with a mistake from YAML in braces.
var looksLikeJSON = regexp.MustCompile(`^\s*\{\s*["}]`)

// jsonReader reads valid JSON into the nodes that YAML is read into.
type jsonReader struct {
	decoder *json.Decoder
	content []byte
	depth   int
}

func parseJSON(content []byte) (*yaml.Node, error) {
	reader := jsonReader{decoder: json.NewDecoder(bytes.NewReader(content)), content: content}
	reader.decoder.UseNumber()
	return reader.node()
}

func (r *jsonReader) node() (*yaml.Node, error) {
	at := r.next()
	token, err := r.decoder.Token()
	if err != nil {
		return nil, &DocumentError{Line: at.line, Column: at.column, Expected: "is not valid JSON"}
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: at.line, Column: at.column}
	switch value := token.(type) {
	case string:
		node.Tag, node.Value = "!!str", value
	case json.Number:
		node.Tag, node.Value = "!!float", value.String()
	case bool:
		node.Tag, node.Value = "!!bool", map[bool]string{true: "true", false: "false"}[value]
	case nil:
		node.Tag = "!!null"
	case json.Delim:
		node.Kind = map[json.Delim]yaml.Kind{'{': yaml.MappingNode, '[': yaml.SequenceNode}[value]
		return node, r.collect(node)
	}
	return node, nil
}

func (r *jsonReader) collect(node *yaml.Node) error {
	if r.depth++; r.depth > maxDepth {
		return &DocumentError{Line: node.Line, Column: node.Column, Expected: "is nested too deeply"}
	}
	for r.decoder.More() {
		element, err := r.node()
		if err != nil {
			return err
		}
		node.Content = append(node.Content, element)
	}
	r.depth--
	_, err := r.decoder.Token() // the closing bracket
	return err
}

// next returns where the next token starts.
func (r *jsonReader) next() position {
	start := int(r.decoder.InputOffset())
	for start < len(r.content) && bytes.IndexByte([]byte(" \t\r\n,:"), r.content[start]) >= 0 {
		start++
	}
	return positionOf(r.content, start)
}

func positionOf(content []byte, offset int) position {
	before := content[:min(max(offset, 0), len(content))]
	return position{bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1}
}

// invalidJSON says where JSON ends to be valid, without quoting it.
func invalidJSON(content []byte) *DocumentError {
	var ignored json.RawMessage
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(content, &ignored))
	if !ok {
		return &DocumentError{Expected: "is not valid JSON"}
	}
	at := positionOf(content, int(syntax.Offset)-1)
	return &DocumentError{Line: at.line, Column: at.column, Expected: "is not valid JSON from here on"}
}
