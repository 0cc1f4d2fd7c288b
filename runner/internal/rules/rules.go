// Package rules decides which connectors of a cluster go where. It knows no cluster: it is
// given the connectors and returns one [Decision] for each.
package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// Stay is the target of connectors that are not moved.
const Stay = "stay"

// Rules is a rules file, schemas/rules.schema.json.
type Rules struct {
	Waves Waves  `json:"waves"`
	Rules []Rule `json:"rules"`
}

// Waves says how the connectors of each wave are divided further.
type Waves struct {
	MaxTasks int `json:"max_tasks"` // 0 for no bound
	Canary   int `json:"canary"`    // connectors of each target that go first
}

// Rule says what becomes of the connectors that it matches.
type Rule struct {
	Name     string            `json:"name"`
	Match    Match             `json:"match"`
	Target   string            `json:"target"`
	Set      map[string]string `json:"set"`
	Unset    []string          `json:"unset"`
	Replace  []Replace         `json:"replace"`
	Rename   *Rename           `json:"rename"`
	Owner    *Owner            `json:"owner"`
	Wave     int               `json:"wave"`
	Blackout []Blackout        `json:"blackout"`
}

// Replace replaces within the values of settings.
type Replace struct {
	Setting string `json:"setting"` // a pattern of names
	Pattern regex  `json:"pattern"`
	With    string `json:"with"`
}

// Rename replaces within a connector's name.
type Rename struct {
	Pattern regex  `json:"pattern"`
	With    string `json:"with"`
}

// Owner answers for connectors.
type Owner struct {
	Name    string `json:"name"`
	Channel string `json:"channel,omitempty"`
}

// Blackout is a time in which connectors must not be moved.
type Blackout struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason,omitempty"`
}

// Load reads a rules file, YAML or JSON. What is wrong with it is a
// [clusterfile.InputError].
func Load(file string) (Rules, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		if wrapped, ok := errors.AsType[*os.PathError](err); ok {
			err = wrapped.Err
		}
		return Rules{}, &clusterfile.InputError{File: file, Err: fmt.Errorf("cannot be read: %w", err)}
	}
	rules, err := parse(content)
	if err != nil {
		return Rules{}, &clusterfile.InputError{File: file, Err: err}
	}
	return rules, nil
}

func parse(content []byte) (Rules, error) {
	source, err := schemas.Read(content)
	if err == nil {
		err = source.Check(schemas.Rules)
	}
	if err != nil {
		return Rules{}, err
	}
	var rules Rules
	if err := json.Unmarshal(source.JSON(), &rules); err != nil {
		return Rules{}, err
	}
	return rules, rules.check(source)
}

// check looks at what the schema cannot tell.
func (r Rules) check(source *schemas.Source) error {
	names := map[string]bool{}
	for i := range r.Rules {
		rule := &r.Rules[i]
		rule.Wave = max(rule.Wave, 1)
		at := []string{"rules", strconv.Itoa(i)}
		if names[rule.Name] {
			return source.Problem(append(at, "name"), "is the name of an earlier rule too; give each rule its own")
		}
		names[rule.Name] = true
		for key, value := range rule.Set {
			if secret.InConfig(key, value) {
				return source.Problem(append(at, "set", key), "is a secret, which does not belong in rules; name it by a config provider of the target's workers, ${PROVIDER:...}")
			}
		}
		for n, replace := range rule.Replace {
			if _, err := path.Match(replace.Setting, ""); err != nil {
				return source.Problem(append(at, "replace", strconv.Itoa(n), "setting"), "is not a pattern: a [ or a \\ has no end")
			}
		}
		for n, blackout := range rule.Blackout {
			if !blackout.From.Before(blackout.To) {
				return source.Problem(append(at, "blackout", strconv.Itoa(n), "to"), "is not after from")
			}
		}
		if err := rule.Match.check(source, append(at, "match")); err != nil {
			return err
		}
	}
	return nil
}

// regex is a regular expression in a document.
type regex struct{ *regexp.Regexp }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *regex) UnmarshalText(text []byte) (err error) {
	r.Regexp, err = regexp.Compile(string(text))
	return err
}
