package schemas

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
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
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.json)) // only looked at by the validator
	if err != nil {
		return &DocumentError{Expected: "is not valid JSON"}
	}
	refusal, ok := errors.AsType[*jsonschema.ValidationError](compiled(base + schema.file).Validate(instance))
	if !ok {
		return nil
	}
	var problems []*DocumentError
	for _, leaf := range leaves(refusal) {
		problems = append(problems, s.explain(leaf)...)
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
		if _, ok := refusal.ErrorKind.(*kind.PropertyNames); ok { // a key has no location of its own
			cause.InstanceLocation = refusal.InstanceLocation
		}
		all = append(all, leaves(cause)...)
	}
	return all
}
