package schemas

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// plainKey is a key that somebody wrote as one.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// suggest returns the property that is meant by an unknown key, or "" if none
// or several could be. A key that belongs one level deeper comes with its path.
func suggest(key string, properties map[string]*jsonschema.Schema) string {
	allowed := slices.Sorted(maps.Keys(properties))
	meant := squeeze(key)
	for _, property := range allowed {
		if squeeze(property) == meant {
			return property
		}
	}
	for _, holder := range allowed {
		for property := range propertiesOf(properties[holder]) {
			if squeeze(property) == meant {
				return holder + "." + property
			}
		}
	}
	var near []string
	for _, property := range allowed {
		candidate := squeeze(property)
		misspelt := distance(candidate, meant) <= 1+len(meant)/5
		part := len(meant) >= 3 && (strings.Contains(candidate, meant) || strings.Contains(meant, candidate))
		if misspelt || part {
			near = append(near, property)
		}
	}
	if len(near) != 1 {
		return ""
	}
	return near[0]
}

// squeeze makes connectUrl, connect-url and connect.url one.
func squeeze(key string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(key))
}

// propertiesOf returns the properties of a schema, or of what it refers to.
func propertiesOf(schema *jsonschema.Schema) map[string]*jsonschema.Schema {
	for schema.Ref != nil {
		schema = schema.Ref
	}
	return schema.Properties
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
