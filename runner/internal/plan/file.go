package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// hash returns the SHA-256, in hexadecimal, of everything in a plan but its hash and the time
// it was made at.
func (p Plan) hash() string {
	p.Hash, p.CreatedAt = "", time.Time{}
	sum := sha256.Sum256(rawjson.Encode(p))
	return hex.EncodeToString(sum[:])
}

// Encode returns the plan's document.
func (p Plan) Encode() []byte {
	var indented bytes.Buffer
	if err := json.Indent(&indented, rawjson.Encode(p), "", "  "); err != nil {
		panic("plan: its own JSON is valid: " + err.Error())
	}
	return append(indented.Bytes(), '\n')
}

// Load reads a plan. One that cannot be used is a [clusterfile.InputError]: a document of
// another kind or version, or a plan that was edited, since it is no longer the one that was
// reviewed.
func Load(file string) (Plan, error) {
	content, err := clusterfile.Read(file)
	if err != nil {
		return Plan{}, err
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
	if wrong := plan.inconsistent(); wrong != "" {
		return Plan{}, fmt.Errorf("is not as ferry plan makes it: %s; make it anew with `ferry plan`", wrong)
	}
	return plan, nil
}

// inconsistent says where a plan contradicts itself, "" if nowhere: one that was put together
// by another program, with its hash.
func (p Plan) inconsistent() string {
	targets, waveOf := map[string]bool{}, map[string]int{}
	for _, target := range p.Targets {
		targets[target.Name] = target.Name != p.Origin.Name
	}
	for i, wave := range p.Waves {
		if wave.Wave != i+1 {
			return fmt.Sprintf("wave %d stands in place %d", wave.Wave, i+1)
		}
		for _, connector := range wave.Connectors {
			if waveOf[connector] != 0 {
				return connector + " stands in two waves"
			}
			waveOf[connector] = wave.Wave
		}
	}
	known, taken := map[string]bool{}, map[[2]string]bool{}
	for _, stay := range p.Stay {
		known[stay.Connector] = true
	}
	for _, move := range p.Moves {
		for _, source := range move.Sources() {
			if known[source] {
				return source + " stands in it twice"
			}
			known[source] = true
		}
		for _, made := range move.Copies() {
			place := [2]string{move.Target, made}
			if taken[place] {
				return fmt.Sprintf("two connectors would be %s on %s", made, move.Target)
			}
			taken[place] = true
		}
		switch {
		case !targets[move.Target]:
			return fmt.Sprintf("%s goes to %s, which is no target", move.Connector, move.Target)
		case move.Regroup != nil && len(move.Regroup.Parts) < 2:
			return move.Connector + " is regrouped with fewer than two others"
		case waveOf[move.Connector] != move.Wave:
			return move.Connector + " does not stand in its wave"
		case move.Go != (len(move.Reasons) == 0):
			return move.Connector + " is a go with reasons against it, or a no-go without"
		}
		delete(waveOf, move.Connector)
	}
	for connector := range waveOf {
		return connector + " stands in a wave and is not moved"
	}
	return ""
}
