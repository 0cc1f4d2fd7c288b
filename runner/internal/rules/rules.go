// Package rules decides which connectors of a cluster go where. It knows no cluster: it is
// given the connectors and returns one [Decision] for each.
package rules

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
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
	Name    string            `json:"name"`
	Match   Match             `json:"match"`
	Target  string            `json:"target"`
	Set     map[string]string `json:"set"`
	Unset   []string          `json:"unset"`
	Replace []Replace         `json:"replace"`
	Rename  *Rename           `json:"rename"`
	// Into is the name of the one connector that all those become; "" if they stay several.
	// Split are the several that the one becomes, each with what it lists; nil if it stays one.
	Into  string            `json:"into"`
	Split map[string]string `json:"split"`
	// List and Field say what a config lists, of a class that ferry does not know.
	List     string     `json:"list"`
	Field    string     `json:"field"`
	Owner    *Owner     `json:"owner"`
	Wave     int        `json:"wave"`
	Blackout []Blackout `json:"blackout"`

	mayMatchNone bool
	listed       bool // made for one connector of a list
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
	content, err := clusterfile.Read(file)
	if err != nil {
		return Rules{}, err
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
	if err := legible(source, source.JSON(), nil, ""); err != nil {
		return Rules{}, err
	}
	var rules Rules
	if json.Unmarshal(source.JSON(), &rules) != nil { // the error would quote a value
		return Rules{}, source.Problem(nil, "is not as the schema has it")
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
		for _, key := range slices.Sorted(maps.Keys(rule.Set)) {
			if config.WithoutMarks(rawjson.Object{}.With(key, rawjson.String(""))).Without("name").Len() == 0 {
				return source.Problem(append(at, "set", key), "is the name or a mark of ferry, which cannot be set; rename gives a copy another name")
			}
			if secret.InConfig(key, rule.Set[key]) {
				return source.Problem(append(at, "set", key), inClear)
			}
		}
		for n, replace := range rule.Replace {
			with := append(at, "replace", strconv.Itoa(n), "with")
			if replace.bringsSecret() {
				return source.Problem(with, inClear)
			}
			if unknownGroup(replace.Pattern, replace.With) {
				return source.Problem(with, noGroup)
			}
		}
		if said := rule.misusesRegrouping(); said != "" {
			return source.Problem(at, said)
		}
		if rule.Rename != nil && unknownGroup(rule.Rename.Pattern, rule.Rename.With) {
			return source.Problem(append(at, "rename", "with"), noGroup)
		}
		for n, blackout := range rule.Blackout {
			if !blackout.From.Before(blackout.To) {
				return source.Problem(append(at, "blackout", strconv.Itoa(n), "to"), "is not after from")
			}
		}
	}
	return nil
}

const (
	inClear = "is a secret, which does not belong in rules; name it by a config provider of the target's workers, ${PROVIDER:...}"
	noGroup = "names a group that the pattern does not have; write ${1} for a group before a letter, a digit or _, and $$ for a $"
)

// bringsSecret reports whether a secret stands in what is put in: with a URL, or as the whole
// value of a setting that usually holds one.
func (r Replace) bringsSecret() bool {
	const old = "old value"
	whole := r.Pattern.ReplaceAllString(old, r.With)
	return secret.InConfig("", string(r.Pattern.ExpandString(nil, r.With, "", nil))) || !strings.Contains(whole, old) && secret.InConfig(r.Setting, whole)
}

// group is a reference to a group as [regexp.Regexp.Expand] takes it.
var group = regexp.MustCompile(`\$(?:\$|([\pL\p{Nd}_]+)|\{([\pL\p{Nd}_]+)\})`)

// unknownGroup reports whether a replacement refers to a group that is not there, which would
// be replaced by nothing: $1_a is the group 1_a.
func unknownGroup(pattern regex, with string) bool {
	return slices.ContainsFunc(group.FindAllStringSubmatch(with, -1), func(found []string) bool {
		name := found[1] + found[2]
		number, err := strconv.Atoi(name)
		return name != "" && pattern.SubexpIndex(name) < 0 && (err != nil || number > pattern.NumSubexp() || strconv.Itoa(number) != name)
	})
}

// regex is a regular expression in a document.
type regex struct{ *regexp.Regexp }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *regex) UnmarshalText(text []byte) (err error) {
	r.Regexp, err = regexp.Compile(string(text))
	return err
}
