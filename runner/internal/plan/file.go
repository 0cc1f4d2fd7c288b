package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// hash returns the SHA-256, in hexadecimal, of everything in a plan but its hash and the time
// it was made at.
func (p Plan) hash() string {
	p.Hash, p.CreatedAt = "", time.Time{}
	sum := sha256.Sum256(encode(p))
	return hex.EncodeToString(sum[:])
}

// Encode returns the plan's document.
func (p Plan) Encode() []byte {
	var indented bytes.Buffer
	if err := json.Indent(&indented, encode(p), "", "  "); err != nil {
		panic("plan: its own JSON is valid: " + err.Error())
	}
	return append(indented.Bytes(), '\n')
}

func encode(p Plan) []byte {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		panic("plan: holds only what JSON can hold: " + err.Error())
	}
	return bytes.TrimSuffix(document.Bytes(), []byte("\n"))
}

// Load reads a plan. One that cannot be used is a [clusterfile.InputError]: a document of
// another kind or version, or a plan that was edited, since it is no longer the one that was
// reviewed.
func Load(file string) (Plan, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		if wrapped, ok := errors.AsType[*os.PathError](err); ok {
			err = wrapped.Err
		}
		return Plan{}, &clusterfile.InputError{File: file, Err: fmt.Errorf("cannot be read: %w", err)}
	}
	plan, err := parse(content)
	if err != nil {
		return Plan{}, &clusterfile.InputError{File: file, Err: err}
	}
	return plan, nil
}

func parse(content []byte) (Plan, error) {
	var kind struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(content, &kind); err == nil && kind.Schema != "" && kind.Schema != SchemaID {
		return Plan{}, fmt.Errorf("schema is %q, this ferry takes %q; make the plan anew with `ferry plan`", kind.Schema, SchemaID)
	}
	if err := schemas.Check(schemas.Plan, content); err != nil {
		return Plan{}, err
	}
	var plan Plan
	if err := json.Unmarshal(content, &plan); err != nil {
		return Plan{}, err
	}
	if plan.hash() != plan.Hash {
		return Plan{}, errors.New("was edited since it was made: its hash is not that of its content; change the rules and make it anew with `ferry plan`")
	}
	return plan, nil
}
