// Package schemas holds the JSON Schemas of every document connect-ferry reads
// or writes, and checks documents by them.
//
// [Read] takes a YAML or JSON document, [Source.Check] checks it. What is wrong
// comes as one [DocumentError]: one line that names the place and what was expected.
// It never quotes a value, since any value may be a credential; the words come
// from the schema, not from the document.
//
// The validator is jsonschema v6: it says of each error what kind it is and which keys it
// is about, where v5 says only which keyword of the schema failed, so that with v5 all of
// that had to be looked up in the schemas again.
package schemas

import (
	"bytes"
	"embed"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed *.schema.json
var files embed.FS

// Schema is one of the embedded schemas.
type Schema struct{ file string }

// The schemas, by the documents that they are of.
var (
	Clusters = Schema{"clusters.schema.json"} // the clusters file
	Request  = Schema{"request.schema.json"}  // the request file
	Result   = Schema{"result.schema.json"}   // the result document
	Event    = Schema{"event.schema.json"}    // the events that are published
	History  = Schema{"history.schema.json"}  // the history document
	Rules    = Schema{"rules.schema.json"}    // the rules of a plan
	Plan     = Schema{"plan.schema.json"}     // a plan
	// Certificate is of the certificate that a move leaves.
	Certificate = Schema{"certificate.schema.json"}
	Accepted    = Schema{"accepted.schema.json"} // what is kept of a copy that was removed
	Notice      = Schema{"notice.schema.json"}   // what people and programs are told
)

// base is where the schemas find each other. Nothing is fetched from there.
const base = "schemas://embedded/"

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not among the embedded schemas", url)
}

var compiler = sync.OnceValue(func() *jsonschema.Compiler {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseLoader(noLoader{})
	entries, err := files.ReadDir(".")
	for _, entry := range entries {
		var content []byte
		var document any
		if content, err = files.ReadFile(entry.Name()); err == nil {
			document, err = jsonschema.UnmarshalJSON(bytes.NewReader(content))
		}
		if err == nil {
			err = compiler.AddResource(base+entry.Name(), document)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		panic("schemas: " + err.Error()) // the files are part of this program
	}
	return compiler
})

var compiling sync.Mutex

// compiled returns the schema at an address, which may be within a file. The compiler
// keeps what it has compiled.
func compiled(address string) *jsonschema.Schema {
	compiling.Lock()
	defer compiling.Unlock()
	return compiler().MustCompile(address)
}
