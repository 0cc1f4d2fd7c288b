package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Check checks a document by a schema, as in Check(Request, content). It
// returns a [DocumentError] if the schema refuses it.
func Check(schema Schema, document []byte) error {
	source, err := Read(document)
	if err != nil {
		return err
	}
	return source.Check(schema)
}

// Check checks the document by a schema. It returns a [DocumentError] if the schema
// refuses it.
func (s *Source) Check(schema Schema) error {
	decoder := json.NewDecoder(bytes.NewReader(s.json))
	decoder.UseNumber()
	var instance any // only looked at by the validator
	if err := decoder.Decode(&instance); err != nil {
		return &DocumentError{Expected: "is not valid JSON"}
	}
	refusal, ok := errors.AsType[*jsonschema.ValidationError](schema().Validate(instance))
	if !ok {
		return nil
	}
	var problems []*DocumentError
	for _, leaf := range leaves(refusal) {
		problems = append(problems, s.explain(leaf, instance))
	}
	return slices.MinFunc(problems, byUse)
}

// byUse orders problems by how much they help: an unknown key is most often the
// reason why another is missing; after that they come as in the document.
func byUse(a, b *DocumentError) int {
	unknown := func(p *DocumentError) int {
		if strings.HasPrefix(p.Expected, unknownKey) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(unknown(a), unknown(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Expected, b.Expected))
}

// leaves returns what a refusal comes down to. The schemas here have no anyOf
// and no oneOf, so each leaf is a mistake by itself.
func leaves(refusal *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(refusal.Causes) == 0 {
		return []*jsonschema.ValidationError{refusal}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range refusal.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// explain says in a user's words what a leaf found.
func (s *Source) explain(leaf *jsonschema.ValidationError, instance any) *DocumentError {
	place := pointer(leaf.InstanceLocation)
	file, fragment, _ := strings.Cut(leaf.AbsoluteKeywordLocation, "#")
	keywords := pointer(fragment)
	refused := refusal{file: texts()[file], value: at(instance, place), place: place, source: s}
	for above := len(keywords) - 1; above >= 0; above-- {
		// dependentRequired and its like are several steps long.
		if schema, ok := at(refused.file, keywords[:above]).(map[string]any); ok {
			if _, ok := schema[keywords[above]]; ok && known(keywords[above]) {
				refused.schema = schema
				return refused.explain(keywords[above], keywords[above+1:])
			}
		}
	}
	return s.Problem(place, "is not as the schema has it")
}

// pointer splits a JSON pointer that is escaped for use in a URL.
func pointer(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

// at returns what stands at a place of a document, or nil.
func at(document any, place []string) any {
	for _, key := range place {
		switch holder := document.(type) {
		case map[string]any:
			document = holder[key]
		case []any:
			index, err := strconv.Atoi(key)
			if err != nil || index < 0 || index >= len(holder) {
				return nil
			}
			document = holder[index]
		default:
			return nil
		}
	}
	return document
}
