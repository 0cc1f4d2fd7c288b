// Package schemas holds the JSON Schemas of every document connect-ferry reads
// or writes, and checks documents by them.
//
// [Read] takes a YAML or JSON document, [Source.Check] checks it. What is wrong
// comes as one [DocumentError]: one line that names the place and what was expected.
// It never quotes a value, since any value may be a credential; the words come
// from the schema, not from the document.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed *.schema.json
var files embed.FS

// Schema returns a compiled schema: it is one of [Clusters], [Request], [Result],
// [Event], [History].
type Schema func() *jsonschema.Schema

// Clusters returns the schema of the clusters file.
func Clusters() *jsonschema.Schema { return clusters() }

// Request returns the schema of the request file.
func Request() *jsonschema.Schema { return request() }

// Result returns the schema of the result document.
func Result() *jsonschema.Schema { return result() }

// Event returns the schema of the events that are published.
func Event() *jsonschema.Schema { return published() }

// History returns the schema of the history document.
func History() *jsonschema.Schema { return told() }

// base is where the schemas find each other. Nothing is fetched from there.
const base = "schemas://embedded/"

var (
	clusters = compiled("clusters.schema.json")
	request  = compiled("request.schema.json")
	result   = compiled("result.schema.json")
	// The names of the functions are taken.
	published = compiled("event.schema.json")
	told      = compiled("history.schema.json")
)

func compiled(file string) func() *jsonschema.Schema {
	return sync.OnceValue(func() *jsonschema.Schema {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat = true
		compiler.LoadURL = func(url string) (io.ReadCloser, error) {
			return nil, fmt.Errorf("%s is not among the embedded schemas", url)
		}
		entries, err := files.ReadDir(".")
		for _, entry := range entries {
			var content []byte
			if content, err = files.ReadFile(entry.Name()); err == nil {
				err = compiler.AddResource(base+entry.Name(), bytes.NewReader(content))
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			panic("schemas: " + err.Error()) // the files are part of this program
		}
		return compiler.MustCompile(base + file)
	})
}

// texts are the schemas as documents, by URL, for the words in them.
var texts = sync.OnceValue(func() map[string]any {
	all := map[string]any{}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("schemas: " + err.Error())
	}
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err == nil {
			var document any
			err = json.Unmarshal(content, &document)
			all[base+entry.Name()] = document
		}
		if err != nil {
			panic("schemas: " + err.Error())
		}
	}
	return all
})
