package rules

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// sources are connectors without settings.
func sources(names ...string) map[string]connect.Listed {
	found := map[string]connect.Listed{}
	for _, name := range names {
		found[name] = connect.Listed{Status: connect.Status{Type: "source"}}
	}
	return found
}

// TestMatches tests each condition, and some together.
func TestMatches(t *testing.T) {
	listed := connect.Listed{Status: connect.Status{Type: "source"}, Config: rawjsontest.Object(t, `{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "topic.prefix": "eu.shop", "empty": "", "null": null, "lines": "a\nb"}`)}
	for name, test := range map[string]struct {
		connector, match string
		want             bool
	}{
		"nothing asked":               {"a", `{}`, true},
		"name":                        {"a", `{name: a}`, true},
		"name is exact":               {"a", `{name: A}`, false},
		"name is no pattern":          {"ab", `{name: "a*"}`, false},
		"name of a list":              {"b", `{name: [a, b]}`, true},
		"name not of a list":          {"c", `{name: [a, b]}`, false},
		"name .. is a name":           {"..", `{name: ".."}`, true},
		"name with blanks":            {" a b ", `{name: " a b "}`, true},
		"name in emoji":               {"🚢-ü", `{name: 🚢-ü}`, true},
		"name in quotes":              {`"a'`, `{name: "\"a'"}`, true},
		"glob":                        {"eu-orders", `{glob: eu-*}`, true},
		"glob of the whole name":      {"the-eu-orders", `{glob: eu-*}`, false},
		"glob of a list":              {"b", `{glob: [a*, b*]}`, true},
		"glob across /":               {"eu/orders/a", `{glob: eu*a}`, true},
		"glob with /":                 {"eu/orders", `{glob: eu/*}`, true},
		"glob with / finds no other":  {"eu-orders", `{glob: eu/*}`, false},
		"glob ? is /":                 {"eu/a", `{glob: "eu?a"}`, true},
		"glob ? is one":               {"euab", `{glob: "eu?b"}`, true},
		"glob ? is not none":          {"eub", `{glob: "eu?b"}`, false},
		"glob ? is an emoji":          {"🚢", `{glob: "?"}`, true},
		"glob [abc]":                  {"b1", `{glob: "[abc]1"}`, true},
		"glob [abc] no other":         {"d1", `{glob: "[abc]1"}`, false},
		"glob [/]":                    {"a/b", `{glob: 'a[\-/]b'}`, true},
		"glob [^/]":                   {"a/b", `{glob: "a[^/]b"}`, false},
		"glob escaped":                {"a*", `{glob: 'a\*'}`, true},
		"glob escaped finds no other": {"ab", `{glob: 'a\*'}`, false},
		"glob of lines":               {"a\nb", `{glob: "a*b"}`, true},
		"glob of ..":                  {"..", `{glob: "?."}`, true},
		"regex":                       {"eu-12", `{regex: 'eu-\d+'}`, true},
		"regex from the beginning":    {"x-eu-12", `{regex: 'eu-\d+'}`, false},
		"regex to the end":            {"eu-12-x", `{regex: 'eu-\d+'}`, false},
		"regex of either":             {"abc", `{regex: a|abc}`, true},
		"regex of either, as a whole": {"abx", `{regex: ab|x}`, false},
		"regex not greedy":            {"aaa", `{regex: "a+?"}`, true},
		"regex of a list":             {"b", `{regex: [a, b]}`, true},
		"regex across lines":          {"a\nb", `{regex: a.*}`, true},
		"regex is not for a line":     {"a\nb", `{regex: "a"}`, false},
		"regex not for a line, (?m)":  {"a\nb", `{regex: "(?m)^a$"}`, false},
		"regex without last newline":  {"a\n", `{regex: "a"}`, false},
		"regex with flags":            {"EU", `{regex: '(?i)eu|us'}`, true},
		"regex quoted to its end":     {"a.b", `{regex: '\Qa.b'}`, true},
		"regex quoted finds no other": {"axb", `{regex: '\Qa.b'}`, false},
		"regex in unicode":            {"ü🚢", `{regex: '\pL.'}`, true},
		"class in full":               {"a", `{class: io.debezium.connector.mysql.MySqlConnector}`, true},
		"class, simple":               {"a", `{class: MySqlConnector}`, true},
		"class, short":                {"a", `{class: MySql}`, true},
		"class of a list":             {"a", `{class: [Postgres, MySql]}`, true},
		"class, part":                 {"a", `{class: Sql}`, false},
		"class, another package":      {"a", `{class: com.other.MySqlConnector}`, false},
		"type":                        {"a", `{type: source}`, true},
		"type, other":                 {"a", `{type: sink}`, false},
		"config":                      {"a", `{config: {topic.prefix: 'eu\..*'}}`, true},
		"config of the whole value":   {"a", `{config: {topic.prefix: eu}}`, false},
		"config of all":               {"a", `{config: {topic.prefix: eu.shop, empty: x}}`, false},
		"config is empty":             {"a", `{config: {empty: ""}}`, true},
		"config is not set":           {"a", `{config: {none: ".*"}}`, false},
		"config is null":              {"a", `{config: {"null": ".*"}}`, false},
		"config, key as it is":        {"a", `{config: {topic: ".*"}}`, false},
		"config with lines":           {"a", `{config: {lines: a.b}}`, true},
		"not":                         {"a", `{not: {name: b}}`, true},
		"not, but it is":              {"a", `{not: {name: [b, a]}}`, false},
		"not all of":                  {"a", `{not: {name: a, type: sink}}`, true},
		"not not":                     {"a", `{not: {not: {name: a}}}`, true},
		"not anything":                {"a", `{not: {}}`, false},
		"not that a setting is":       {"a", `{not: {config: {none: ".*"}}}`, true},
		"all together":                {"eu-a", `{name: [eu-a, b], glob: eu-*, regex: .*a, class: MySql, type: source, config: {topic.prefix: eu.*}, not: {name: b}}`, true},
		"all together but the name":   {"eu-a", `{name: b, glob: eu-*, type: source}`, false},
		"all together but the glob":   {"eu-a", `{name: eu-a, glob: us-*, type: source}`, false},
		"all together but the regex":  {"eu-a", `{name: eu-a, regex: us.*, type: source}`, false},
		"all together but the class":  {"eu-a", `{name: eu-a, class: Postgres, type: source}`, false},
		"all together but the type":   {"eu-a", `{name: eu-a, class: MySql, type: sink}`, false},
		"all together but the config": {"eu-a", `{name: eu-a, type: source, config: {topic.prefix: us}}`, false},
		"all together but the not":    {"eu-a", `{name: eu-a, type: source, not: {class: MySql}}`, false},
		"nothing asked of no name":    {"", `{}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			match := read(t, "rules: [{name: a, target: b, match: "+test.match+"}]").Rules[0].Match
			if got := match.Matches(test.connector, listed); got != test.want {
				t.Errorf("%s matches %q: %t", test.match, test.connector, got)
			}
		})
	}
}

// TestDecide names each connector in order, and all that is wrong.
func TestDecide(t *testing.T) {
	unknown := sources("a", "b")
	unknown["b"] = connect.Listed{Status: connect.Status{Type: "unknown"}}
	const noRule = " matches no rule; if it is not moved, let a rule with the target stay match it"
	for name, test := range map[string]struct {
		found    map[string]connect.Listed
		rules    string
		want     []string // connector, rule and name
		problems []string
	}{
		"in the order of names": {
			found: sources("c", "a", "b", "B", "ä"), rules: `[{name: one, match: {regex: "[^b]"}, target: eu}, {name: two, match: {name: b}, target: us}]`,
			want: []string{"B one B", "a one a", "b two b", "c one c", "ä one ä"},
		},
		"names as they are": {
			found: sources("a b", "🚢", "..", `"q'`, "a/b", "a\nb", "%41"), rules: `[{name: one, match: {}, target: eu}]`,
			want: []string{"\"q' one \"q'", "%41 one %41", ".. one ..", "a\nb one a\nb", "a b one a b", "a/b one a/b", "🚢 one 🚢"},
		},
		"stay": {
			found: sources("a", "b"), rules: `[{name: one, match: {name: a}, target: eu, rename: {pattern: a, with: b}}, {name: two, match: {name: b}, target: stay}]`,
			want: []string{"a one b", "b two b stays"},
		},
		"staying has no name to collide": {
			found: sources("a", "b"), rules: `[{name: one, match: {}, target: stay, rename: {pattern: .*, with: ""}}]`,
			want: []string{"a one  stays", "b one  stays"},
		},
		"one name on two targets": {
			found: sources("a", "b"), rules: `[{name: one, match: {name: a}, target: eu, rename: {pattern: a, with: b}}, {name: two, match: {name: b}, target: us}]`,
			want: []string{"a one b", "b two b"},
		},
		"names change places": {
			found: sources("a", "b"), rules: `[{name: one, match: {name: a}, target: eu, rename: {pattern: a, with: b}}, {name: two, match: {name: b}, target: eu, rename: {pattern: b, with: a}}]`,
			want: []string{"a one b", "b two a"},
		},
		"rename by groups": {
			found: sources("eu-orders-1"), rules: `[{name: one, match: {}, target: eu, rename: {pattern: "^eu-(.*)-(?P<n>.)$", with: "${n}_$1-$$"}}]`,
			want: []string{"eu-orders-1 one 1_orders-$"},
		},
		"rename everywhere": {
			found: sources("a.a"), rules: `[{name: one, match: {}, target: eu, rename: {pattern: a, with: 🚢}}]`, want: []string{"a.a one 🚢.🚢"},
		},
		"rename that finds nothing": {
			found: sources("b"), rules: `[{name: one, match: {}, target: eu, rename: {pattern: a, with: c}}]`, want: []string{"b one b"},
		},
		"none": {
			found: sources("c", "b", "a"), rules: `[{name: one, match: {name: b}, target: eu}]`, problems: []string{"a" + noRule, "c" + noRule},
		},
		"several": {
			found: sources("b", "a"), rules: `[{name: z, match: {}, target: eu}, {name: y, match: {name: a}, target: eu}, {name: x, match: {}, target: stay}]`,
			problems: []string{"a matches 3 rules: z, y, x", "b matches 2 rules: z, x"},
		},
		"a rule for nothing": {
			found: sources("a"), rules: `[{name: one, match: {}, target: eu}, {name: two, match: {name: b}, target: eu}, {name: three, match: {name: c}, target: stay}]`,
			problems: []string{"rule two matches no connector; correct or remove it", "rule three matches no connector; correct or remove it"},
		},
		"no connectors": {
			rules: `[{name: one, match: {}, target: eu}]`, problems: []string{"rule one matches no connector; correct or remove it"},
		},
		"one name": {
			found: sources("x-b", "y-a", "x-a", "y-b", "x-c"), rules: `[{name: one, match: {}, target: eu, rename: {pattern: ^.-, with: ""}}]`,
			problems: []string{`x-a, y-a would all be called "a" on eu`, `x-b, y-b would all be called "b" on eu`},
		},
		"one name by two rules": {
			found: sources("a", "b"), rules: `[{name: one, match: {name: a}, target: eu}, {name: two, match: {name: b}, target: eu, rename: {pattern: b, with: a}}]`,
			problems: []string{`a, b would all be called "a" on eu`},
		},
		"renamed to nothing": {
			found: sources("a", "b"), rules: `[{name: one, match: {}, target: eu, rename: {pattern: .*, with: ""}}]`,
			problems: []string{"rule one renames a to nothing", "rule one renames b to nothing"},
		},
		"all at once": {
			found: sources("a", "b", "c", "d", "e"),
			rules: `[{name: one, match: {name: [a, b]}, target: eu, rename: {pattern: ., with: x}}, {name: two, match: {name: [c, d]}, target: eu},
				{name: three, match: {name: d}, target: us}, {name: four, match: {name: f}, target: us}]`,
			problems: []string{"d matches 2 rules: two, three", "e" + noRule, `a, b would all be called "x" on eu`, "rule four matches no connector; correct or remove it"},
		},
		"unknown type": {
			found: unknown, rules: `[{name: one, match: {type: source}, target: eu}, {name: two, match: {not: {type: source}}, target: stay}]`,
			problems: []string{"b is not known to be a source or a sink, and its rule depends on it; if it stays so, look for its plugin on the workers"},
		},
		"unknown type, and no matter": {
			found: unknown, rules: `[{name: one, match: {name: a, type: source}, target: eu}, {name: two, match: {name: b}, target: stay}]`,
			want: []string{"a one a", "b two b stays"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			decisions, err := read(t, "rules: "+test.rules).Decide(test.found)
			var got, problems []string
			for _, decision := range decisions {
				got = append(got, decision.Connector+" "+decision.Rule.Name+" "+decision.Name+map[bool]string{true: " stays"}[decision.Stays()])
			}
			if mismatch, ok := errors.AsType[*MatchError](err); ok {
				problems = mismatch.Problems
			}
			if !slices.Equal(got, test.want) || !slices.Equal(problems, test.problems) {
				t.Fatalf("%q, %q, want %q, %q", got, problems, test.want, test.problems)
			}
			if err != nil && err.Error() != "the rules do not fit: "+strings.Join(test.problems, " | ") {
				t.Error(err)
			}
		})
	}
}

// TestReplace tests what settings become: those that are replaced, and those that are set.
func TestReplace(t *testing.T) {
	settings := rawjsontest.Object(t, `{"name": "global", "topic": "global.a", "topics": "global.a,global.b", "topic.prefix": "x", "a/b": "global", "number": 1, "none": null}`)
	settings = config.Preliminary(config.WithBackState(config.WithKeepState(settings, "global"), "global"))
	for name, test := range map[string]struct {
		rule string
		want map[string]string
	}{
		"nothing":               {`{wave: 1}`, map[string]string{}},
		"one setting":           {`{replace: [{setting: topic, pattern: global, with: eu}]}`, map[string]string{"topic": "eu.a"}},
		"everywhere in a value": {`{replace: [{setting: topics, pattern: global, with: eu}]}`, map[string]string{"topics": "eu.a,eu.b"}},
		"anchored":              {`{replace: [{setting: topics, pattern: ^global, with: eu}]}`, map[string]string{"topics": "eu.a,global.b"}},
		"settings by a pattern": {`{replace: [{setting: "topic*", pattern: global, with: eu}]}`, map[string]string{"topic": "eu.a", "topics": "eu.a,eu.b"}},
		"one of [abc]":          {`{replace: [{setting: "[st]opi[bc]?", pattern: global, with: eu}]}`, map[string]string{"topics": "eu.a,eu.b"}},
		"no name and no mark": {
			`{replace: [{setting: "*", pattern: global|PRELIMINARY, with: eu}]}`, map[string]string{"topic": "eu.a", "topics": "eu.a,eu.b", "a/b": "eu"},
		},
		"several, in order": {
			`{replace: [{setting: topic, pattern: global, with: eu}, {setting: "*", pattern: ^eu, with: us}]}`, map[string]string{"topic": "us.a"},
		},
		"several, in another order": {
			`{replace: [{setting: topic, pattern: ^eu, with: us}, {setting: topic, pattern: global, with: eu}]}`, map[string]string{"topic": "eu.a"},
		},
		"groups":                 {`{replace: [{setting: topic, pattern: '(\w+)\.(?P<x>\w+)', with: "${x}_$1-$$1"}]}`, map[string]string{"topic": "a_global-$1"}},
		"a provider":             {`{replace: [{setting: topic, pattern: .*, with: "${file:/a:b}"}]}`, map[string]string{"topic": "${file:/a:b}"}},
		"to nothing":             {`{replace: [{setting: a/b, pattern: .*, with: ""}]}`, map[string]string{"a/b": ""}},
		"to the same":            {`{replace: [{setting: topic, pattern: global, with: global}]}`, map[string]string{}},
		"a setting that is not":  {`{replace: [{setting: nowhere, pattern: .*, with: x}]}`, map[string]string{}},
		"no text, no setting":    {`{replace: [{setting: "n*", pattern: ^$, with: x}]}`, map[string]string{}},
		"set":                    {`{set: {new: "1", topic.prefix: ""}}`, map[string]string{"new": "1", "topic.prefix": ""}},
		"set wins":               {`{set: {topic: set}, replace: [{setting: "topic*", pattern: global, with: eu}]}`, map[string]string{"topic": "set", "topics": "eu.a,eu.b"}},
		"what is set stays":      {`{set: {topic: global}, replace: [{setting: topic, pattern: global, with: eu}]}`, map[string]string{"topic": "global"}},
		"its own name on target": {`{rename: {pattern: ^, with: eu-}, replace: [{setting: topic, pattern: global, with: eu}]}`, map[string]string{"topic": "eu.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := settings.String()
			rules := read(t, "rules: [{name: a, match: {}, target: b, "+strings.TrimPrefix(test.rule, "{")+"]")
			set := maps.Clone(rules.Rules[0].Set)
			decisions, err := rules.Decide(map[string]connect.Listed{"global": {Config: settings}})
			if err != nil {
				t.Fatal(err)
			}
			if got := decisions[0].Set; !reflect.DeepEqual(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			if again := decisions[0].Rule.Of("global", decisions[0].Name, settings); !reflect.DeepEqual(again, decisions[0]) {
				t.Errorf("decided again %v, first %v", again, decisions[0])
			}
			if settings.String() != before || !maps.Equal(rules.Rules[0].Set, set) {
				t.Error("the rule or the config of the origin has changed")
			}
		})
	}
}

// TestList holds what is made of a list of connectors.
func TestList(t *testing.T) {
	set := map[string]string{"a": "$1"}
	for name, test := range map[string]struct {
		target string
		found  []string
		rename map[string]string
		set    map[string]string
		want   string // names on the target, or an error
	}{
		"all others stay":         {"eu", []string{"a", "all others", "c"}, nil, set, "a, all others"},
		"nothing else is there":   {"eu", []string{"a", "all others"}, nil, set, "a, all others"},
		"renamed, to the letter":  {"eu", []string{"a", "all others"}, map[string]string{"a": "$0\n${b}"}, nil, "$0\n${b}, all others"},
		"one is not there":        {"eu", []string{"a"}, nil, nil, "the rules do not fit: connector all others does not exist on the origin"},
		"the other is not there":  {"eu", []string{"all others"}, nil, nil, "the rules do not fit: connector a does not exist on the origin"},
		"renamed to one name":     {"eu", []string{"a", "all others"}, map[string]string{"a": "all others"}, nil, `the rules do not fit: a, all others would all be called "all others" on eu`},
		"nothing moves":           {Stay, []string{"a"}, nil, nil, `the target "stay" leaves connectors where they are`},
		"a secret, not quoted":    {"eu", nil, nil, map[string]string{"b.password": "hunter2"}, "--set b.password is a secret, which does not belong in a plan; name it by a config provider of the target's workers, ${PROVIDER:...}"},
		"a reference to a secret": {"eu", []string{"a", "all others"}, nil, map[string]string{"b.password": "${file:/a:b}"}, "a, all others"},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := List(test.target, []string{"a", "all others"}, test.rename, test.set, []string{"x"})
			var decisions []Decision
			if err == nil {
				decisions, err = rules.Decide(sources(test.found...))
			}
			if err != nil {
				if err.Error() != test.want {
					t.Errorf("%v, want %s", err, test.want)
				}
				return
			}
			var names []string
			for _, decision := range slices.DeleteFunc(decisions, Decision.Stays) {
				names = append(names, decision.Name)
				if len(decision.Set) != len(test.set) || !slices.Equal(decision.Rule.Unset, []string{"x"}) || decision.Rule.Wave != 1 {
					t.Errorf("%+v of %+v", decision, decision.Rule)
				}
			}
			if got := strings.Join(names, ", "); got != test.want {
				t.Errorf("moves %q, want %q", got, test.want)
			}
			if targets := rules.Targets(); !slices.Equal(targets, []string{test.target}) {
				t.Errorf("targets %q", targets)
			}
		})
	}
}

// TestTargets names each cluster once.
func TestTargets(t *testing.T) {
	got := read(t, `rules: [{name: a, match: {}, target: us}, {name: b, match: {}, target: stay}, {name: c, match: {}, target: eu}, {name: d, match: {}, target: us}]`).Targets()
	if !slices.Equal(got, []string{"eu", "us"}) {
		t.Error(got)
	}
}
