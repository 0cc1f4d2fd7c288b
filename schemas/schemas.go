// Package schemas holds the JSON Schemas of every document connect-ferry reads
// or writes, and checks documents by them.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed *.schema.json
var files embed.FS

// Name names a schema of this folder.
type Name string

// The documents.
const (
	Clusters Name = "clusters"
	Request  Name = "request"
	Result   Name = "result"
)

var compiled = func() map[Name]*jsonschema.Schema {
	all := map[Name]*jsonschema.Schema{}
	for _, name := range []Name{Clusters, Request, Result} {
		file := string(name) + ".schema.json"
		content, err := files.ReadFile(file)
		if err != nil {
			panic("schemas: " + err.Error())
		}
		compiler := jsonschema.NewCompiler()
		compiler.LoadURL = nil // nothing is fetched
		if err := compiler.AddResource(file, bytes.NewReader(content)); err != nil {
			panic("schemas: " + err.Error())
		}
		all[name] = compiler.MustCompile(file)
	}
	return all
}()

// Problem is the first thing a schema refuses in a document.
type Problem struct {
	Place    []string // keys and indexes from the root to the place
	Expected string   // what is wrong and what was expected; quotes no value
}

func (p *Problem) Error() string {
	if len(p.Place) == 0 {
		return p.Expected
	}
	return strings.Join(p.Place, ".") + ": " + p.Expected
}

// Check checks a JSON document. It returns a [Problem] if the schema refuses it.
func Check(name Name, document []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var content any // only looked at by the validator
	if err := decoder.Decode(&content); err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	err := compiled[name].Validate(content)
	refusal, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	deepest := deepest(refusal)
	return &Problem{Place: place(deepest.InstanceLocation), Expected: plain(deepest.Message)}
}

// deepest finds the most specific cause: the one furthest into the document.
func deepest(refusal *jsonschema.ValidationError) *jsonschema.ValidationError {
	best := refusal
	for _, cause := range refusal.Causes {
		if found := deepest(cause); len(best.Causes) > 0 && best == refusal || depth(found) > depth(best) {
			best = found
		}
	}
	return best
}

func depth(refusal *jsonschema.ValidationError) int { return len(place(refusal.InstanceLocation)) }

func place(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts
}

var (
	unknownKeys = regexp.MustCompile(`^additionalProperties (.+) not allowed$`)
	missingKeys = regexp.MustCompile(`^missing properties: (.+)$`)
	wrongType   = regexp.MustCompile(`^expected (.+), but got (.+)$`)
)

// plain says in a user's words what the validator found.
func plain(message string) string {
	switch {
	case unknownKeys.MatchString(message):
		return "unknown key " + unknownKeys.FindStringSubmatch(message)[1]
	case missingKeys.MatchString(message):
		return "missing " + missingKeys.FindStringSubmatch(message)[1]
	case wrongType.MatchString(message):
		found := wrongType.FindStringSubmatch(message)
		return "expected " + strings.ReplaceAll(found[1], " or ", " or a ") + ", found " + found[2]
	case strings.HasPrefix(message, "length must be >= 1"):
		return "expected text, found nothing"
	case strings.HasPrefix(message, "minimum ") || strings.HasPrefix(message, "maximum ") || strings.HasPrefix(message, "must be"),
		strings.HasPrefix(message, "value must be"):
		return "expected another value: " + message
	default:
		return message
	}
}
