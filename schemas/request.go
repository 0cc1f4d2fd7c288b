package schemas

import (
	"encoding/json"
	"slices"
	"strings"
)

// Kind is the type of a request's property.
type Kind int

// The kinds. A property that is a text or a list of texts is [Texts].
const (
	Text  Kind = iota // one text; also of the properties that take a document inline
	Texts             // a list of texts
	Pairs             // an object of texts
	Bool
	Int
)

// Property is a property of the request file, which is a flag of some commands too:
// request.schema.json is the one place that describes both.
type Property struct {
	Name string // as in the request file, such as same_log
	Kind Kind
	// Help is one line for the flag. The placeholder of its value stands in backquotes.
	Help string
	// Default is what the property is if nothing else says so, as JSON; nil for none.
	Default json.RawMessage
	// OneOf are the texts that are allowed, nil for any; Min and Max bound a number.
	OneOf    []string
	Min, Max int
}

// Flag is the name of the property as a flag, such as same-log.
func (p Property) Flag() string { return strings.ReplaceAll(p.Name, "_", "-") }

// Properties returns the properties of the request file, by name.
func Properties() map[string]Property {
	content, err := files.ReadFile("request.schema.json")
	var schema struct {
		Properties map[string]struct {
			Type    any             `json:"type"`
			Help    string          `json:"x-flag"`
			Default json.RawMessage `json:"default"`
			OneOf   []string        `json:"enum"`
			Min     int             `json:"minimum"`
			Max     int             `json:"maximum"`
		} `json:"properties"`
	}
	if err == nil {
		err = json.Unmarshal(content, &schema)
	}
	if err != nil {
		panic("schemas: " + err.Error()) // the file is part of this program
	}
	all := map[string]Property{}
	for name, property := range schema.Properties {
		all[name] = Property{
			Name: name, Kind: kindOf(property.Type), Help: property.Help, Default: property.Default,
			OneOf: property.OneOf, Min: property.Min, Max: property.Max,
		}
	}
	return all
}

func kindOf(types any) Kind {
	switch name := types.(type) {
	case string:
		return map[string]Kind{"array": Texts, "object": Pairs, "boolean": Bool, "integer": Int}[name]
	case []any:
		if slices.Contains(name, any("array")) {
			return Texts
		}
	}
	return Text // by a reference, an enum or a condition
}
