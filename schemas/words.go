package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const unknownKey = "unknown key "

// explain says in a user's words what was found.
func (s *Source) explain(leaf *jsonschema.ValidationError) []*DocumentError {
	place, expected := leaf.InstanceLocation, "expected "
	switch found := leaf.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return s.unknown(leaf, found.Properties)
	case *kind.Required:
		expected = "missing " + strings.Join(found.Missing, " and ")
	case *kind.DependentRequired:
		expected = found.Prop + " needs " + strings.Join(found.Missing, " and ") + " beside it"
	case *kind.Type:
		expected += types(found)
	case *kind.Enum:
		expected += "one of " + join(found.Want, ", ")
	case *kind.Const:
		expected += fmt.Sprint(found.Want)
	case *kind.Format:
		expected += "a " + found.Want
	case *kind.Pattern:
		expected += "text such as " + join(compiled(leaf.SchemaURL).Examples, " or ")
	case *kind.MinLength:
		expected += "text, found none"
	case *kind.MinItems, *kind.MinProperties:
		expected += "at least one entry, found none"
	case *kind.Minimum:
		expected += "at least " + found.Want.RatString()
	case *kind.Maximum:
		expected += "at most " + found.Want.RatString()
	default:
		expected = "is not as the schema has it"
	}
	return []*DocumentError{s.Problem(place, expected)}
}

func join(values []any, separator string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, separator)
}

var typeWords = map[string]string{
	"string": "text", "array": "a list", "object": "an object", "boolean": "true or false", "integer": "a whole number", "number": "a number",
	"null": "nothing",
}

func types(found *kind.Type) string {
	var wanted []string
	for _, name := range found.Want {
		wanted = append(wanted, typeWords[name])
	}
	text := strings.Join(wanted, " or ") + ", found " + typeWords[found.Got]
	if slices.Contains(found.Want, "string") && slices.Contains([]string{"boolean", "number", "integer"}, found.Got) {
		text += ", put it in quotes"
	}
	return text
}

// unknown names each key that the schema does not have, and the one that may be
// meant. A key without a value is not named: it may be a stray value.
func (s *Source) unknown(leaf *jsonschema.ValidationError, keys []string) []*DocumentError {
	properties := compiled(leaf.SchemaURL).Properties
	allowed := strings.Join(slices.Sorted(maps.Keys(properties)), ", ")
	var problems []*DocumentError
	for _, key := range keys {
		problem := s.Problem(below(below(leaf.InstanceLocation, key), keyMark), "")
		problem.Place = leaf.InstanceLocation
		switch meant := suggest(key, properties); {
		case s.empty(below(leaf.InstanceLocation, key)) || !plainKey.MatchString(key):
			problem.Expected = unknownKey + "that is no plain name or has no value, expected " + allowed
		case meant != "":
			problem.Expected = unknownKey + "'" + key + "', did you mean " + meant
		default:
			problem.Expected = unknownKey + "'" + key + "', expected " + allowed
		}
		problems = append(problems, problem)
	}
	return problems
}
