package rules

import (
	"encoding/json"
	"errors"
	"maps"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// legible looks for texts and numbers that the schema allows and that cannot be decoded, for
// the decoder would quote them and not say where they stand. The document keeps to the schema,
// so that a key tells what its value, or each value of its list, is.
func legible(source *schemas.Source, value json.RawMessage, place []string, key string) error {
	var members map[string]json.RawMessage
	var list []json.RawMessage
	switch value[0] {
	case '{':
		if err := json.Unmarshal(value, &members); err != nil || key == "set" { // any keys
			return err
		}
	case '[':
		if err := json.Unmarshal(value, &list); err != nil {
			return err
		}
	default:
		if wrong := illegible(key, value); wrong != "" {
			return source.Problem(place, wrong)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		of := name
		if key == "config" { // any keys too
			of = "regex"
		}
		if err := legible(source, members[name], append(place[:len(place):len(place)], name), of); err != nil {
			return err
		}
	}
	for i, element := range list {
		if err := legible(source, element, append(place[:len(place):len(place)], strconv.Itoa(i)), key); err != nil {
			return err
		}
	}
	return nil
}

const badPattern = `is not a pattern: a [ or a \ has no end, or a ] or a - within [] lacks a \ before it`

// illegible says what is wrong with a text or a number, "" for nothing.
func illegible(key string, value json.RawMessage) string {
	var text string
	_ = json.Unmarshal(value, &text) // "" of a number
	switch key {
	case "regex", "pattern":
		_, err := regexp.Compile(text)
		if wrong, ok := errors.AsType[*syntax.Error](err); ok {
			return "is not a regular expression: " + wrong.Code.String() // its Expr is of the value
		}
	case "glob", "setting":
		if _, err := path.Match(text, ""); err != nil {
			return badPattern
		}
	case "from", "to":
		if new(time.Time).UnmarshalText([]byte(text)) != nil {
			return "expected a time such as 2026-12-24T00:00:00Z"
		}
	case "wave", "max_tasks", "canary":
		if _, err := strconv.ParseInt(string(value), 10, 32); err != nil {
			return "expected a whole number of digits, below 2147483648"
		}
	}
	return ""
}
