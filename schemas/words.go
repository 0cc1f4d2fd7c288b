package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// refusal is a value that a keyword of a schema refuses.
type refusal struct {
	schema map[string]any
	file   any // the whole schema
	value  any
	place  []string
	source *Source
}

const unknownKey = "unknown key "

// known reports whether explain has words for a keyword.
func known(keyword string) bool {
	return slices.Contains([]string{"additionalProperties", "required", "dependentRequired", "type", "enum", "const", "pattern", "format",
		"minLength", "minItems", "minProperties", "minimum", "maximum"}, keyword)
}

// explain says what a keyword of the schema expected. rest is what follows the
// keyword within the schema.
func (r refusal) explain(keyword string, rest []string) *DocumentError {
	expected := "expected "
	switch keyword {
	case "additionalProperties":
		return r.unknown()
	case "required":
		expected = "missing " + strings.Join(r.missing(), " and ")
	case "dependentRequired":
		others := at(r.schema[keyword], rest)
		expected = fmt.Sprintf("%s needs %v beside it", rest[0], others)
	case "type":
		expected += r.types()
	case "enum":
		expected += "one of " + strings.Join(list(r.schema["enum"]), ", ")
	case "const":
		expected += fmt.Sprint(r.schema["const"])
	case "format":
		expected += "a " + fmt.Sprint(r.schema["format"])
	case "pattern":
		expected += "text such as " + strings.Join(list(r.schema["examples"]), " or ")
	case "minLength":
		expected += "text, found none"
	case "minItems", "minProperties":
		expected += "at least one entry, found none"
	case "minimum":
		expected += fmt.Sprint("at least ", r.schema["minimum"])
	case "maximum":
		expected += fmt.Sprint("at most ", r.schema["maximum"])
	}
	return r.source.Problem(r.place, expected)
}

func list(value any) []string {
	elements, _ := value.([]any)
	all := make([]string, len(elements))
	for i, element := range elements {
		all[i] = fmt.Sprint(element)
	}
	return all
}

func (r refusal) missing() []string {
	object, _ := r.value.(map[string]any)
	var missing []string
	for _, key := range list(r.schema["required"]) {
		if _, ok := object[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

var typeWords = map[string]string{
	"string": "text", "array": "a list", "object": "an object", "boolean": "true or false", "integer": "a whole number", "number": "a number",
}

func (r refusal) types() string {
	types := list(r.schema["type"])
	if one, ok := r.schema["type"].(string); ok {
		types = []string{one}
	}
	var expected []string
	for _, name := range types {
		expected = append(expected, typeWords[name])
	}
	text := strings.Join(expected, " or ") + ", found " + kind(r.value)
	if !slices.Contains(types, "string") {
		return text
	}
	switch r.value.(type) {
	case nil:
	case map[string]any, []any:
	default:
		text += ", put it in quotes"
	}
	return text
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	default:
		return "a number"
	}
}

// unknown names the first key that the schema does not have, and the one that
// may be meant. A key without a value is not named: it may be a stray value.
func (r refusal) unknown() *DocumentError {
	object, _ := r.value.(map[string]any)
	properties, _ := r.schema["properties"].(map[string]any)
	allowed := slices.Sorted(maps.Keys(properties))
	var problems []*DocumentError
	for key, value := range object {
		if slices.Contains(allowed, key) {
			continue
		}
		problem := r.source.Problem(below(below(r.place, key), keyMark), "")
		problem.Place = r.place
		switch meant := suggest(key, properties, r.file); {
		case value == nil || !plainKey.MatchString(key):
			problem.Expected = unknownKey + "that is no plain name or has no value, expected " + strings.Join(allowed, ", ")
		case meant != "":
			problem.Expected = unknownKey + "'" + key + "', did you mean " + meant
		default:
			problem.Expected = unknownKey + "'" + key + "', expected " + strings.Join(allowed, ", ")
		}
		problems = append(problems, problem)
	}
	return slices.MinFunc(problems, byUse)
}
