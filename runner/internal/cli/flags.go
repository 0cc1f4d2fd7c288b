package cli

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

const clustersVariable = "FERRY_CLUSTERS"

// What several commands take. Each name is a property of schemas/request.schema.json,
// which has its type, its default and its help.
var (
	common  = []string{"clusters", "request", "output", "result"}
	pairs   = []string{"origin", "target", "connector", "rename", "concurrency"}
	singles = []string{"cluster", "connector"}
	copied  = []string{"set", "unset", "overwrite"}
	proven  = []string{"timeout", "proof", "allow_duplicates"}
	// regrouped is what a consolidation and a split take, and their rollback.
	regrouped = []string{"into", "part", "list", "field"}
	// certified is what a command takes that leaves certificates, and certifying says of it.
	certified  = []string{"report", "approved_by"}
	certifying = map[string]string{"report": "write a certificate of each connector into `DIR`: a page that stands alone, and JSON (schemas/certificate.schema.json)"}
	// decided is what is decided once for a move, and asked for by its check too.
	decided = append(slices.Clone(copied), "copy", "same_log", "other_kafka", "at_least_once")
)

var properties = schemas.Properties()

// flags makes the flags of a command out of the properties that it takes. help replaces
// what the schema says of one, for a command that means something narrower by it.
func flags(help map[string]string, groups ...[]string) []ucli.Flag {
	var all []ucli.Flag
	for _, name := range slices.Concat(groups...) {
		if name == "request" { // which cannot name itself
			all = append(all, &ucli.StringFlag{Name: name, Usage: "JSON `FILE` with the flags of this command under the same names, _ for -"})
			continue
		}
		property, known := properties[name]
		if !known {
			panic("cli: the schema has no property " + name)
		}
		if narrower, has := help[name]; has {
			property.Help = narrower
		}
		all = append(all, flagOf(property))
	}
	return all
}

func flagOf(property schemas.Property) ucli.Flag {
	name, usage := property.Flag(), property.Help
	fallback, _ := rawjson.Parse(property.Default)
	switch property.Kind {
	case schemas.Texts, schemas.Pairs:
		return &ucli.StringSliceFlag{Name: name, Usage: usage}
	case schemas.Bool:
		return &ucli.BoolFlag{Name: name, Usage: usage}
	case schemas.Int:
		number, _ := fallback.Int()
		return &ucli.IntFlag{Name: name, Usage: usage, Value: int(number)}
	case schemas.Text:
	}
	text, _ := fallback.Text()
	return &ucli.StringFlag{Name: name, Usage: usage, Value: text}
}

// overlay lays the flags that were given over a request file's document.
func overlay(c *ucli.Context, document rawjson.Object) (rawjson.Object, error) {
	for _, name := range slices.Sorted(maps.Keys(properties)) { // of several mistakes always the same is told
		property := properties[name]
		if !c.IsSet(property.Flag()) {
			continue
		}
		value, err := given(c, property, document)
		if err != nil {
			return document, err
		}
		document = document.With(name, value)
	}
	if path := os.Getenv(clustersVariable); path != "" {
		if _, has := document.Get("clusters"); !has {
			document = document.With("clusters", rawjson.String(path))
		}
	}
	return document, nil
}

// given returns the value of a flag as the request file would have it.
func given(c *ucli.Context, property schemas.Property, document rawjson.Object) (rawjson.Value, error) {
	flag := property.Flag()
	switch property.Kind {
	case schemas.Bool:
		return rawjson.Bool(c.Bool(flag)), nil
	case schemas.Int:
		number := c.Int(flag)
		if number < property.Min || number > property.Max {
			return rawjson.Value{}, usagef("--%s is from %d to %d, not %d", flag, property.Min, property.Max, number)
		}
		return rawjson.Int(int64(number)), nil
	case schemas.Texts:
		var texts []rawjson.Value
		for _, text := range c.StringSlice(flag) {
			if text == "" {
				return rawjson.Value{}, usagef("--%s has an empty name", flag)
			}
			texts = append(texts, rawjson.String(text))
		}
		return rawjson.Array(texts...), nil
	case schemas.Pairs:
		return addPairs(c, property, document)
	case schemas.Text:
	}
	text := c.String(flag)
	if len(property.OneOf) > 0 && text == "" { // as --proof "$UNSET" gives it
		return rawjson.Parse(property.Default)
	}
	if len(property.OneOf) > 0 && !slices.Contains(property.OneOf, text) {
		last := len(property.OneOf) - 1
		return rawjson.Value{}, usagef("--%s is %s or %s, not %s", flag, strings.Join(property.OneOf[:last], ", "), property.OneOf[last], strconv.Quote(text))
	}
	return rawjson.String(text), nil
}

// addPairs adds KEY=VALUE flags to what the request file says.
func addPairs(c *ucli.Context, property schemas.Property, document rawjson.Object) (rawjson.Value, error) {
	var known rawjson.Object
	if value, has := document.Get(property.Name); has {
		var err error
		if known, err = value.Object(); err != nil {
			return value, err
		}
	}
	for _, pair := range c.StringSlice(property.Flag()) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return rawjson.Value{}, usagef("--%s takes KEY=VALUE", property.Flag())
		}
		known = known.With(key, rawjson.String(value))
	}
	return known.Value(), nil
}

// withDefaults adds what nothing else has said.
func withDefaults(document rawjson.Object) (rawjson.Object, error) {
	for name, property := range properties {
		if _, has := document.Get(name); has || property.Default == nil {
			continue
		}
		value, err := rawjson.Parse(property.Default)
		if err != nil {
			return document, err
		}
		document = document.With(name, value)
	}
	return document, nil
}
