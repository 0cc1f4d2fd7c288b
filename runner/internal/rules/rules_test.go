package rules

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// read returns rules that stand in a test.
func read(t *testing.T, text string) Rules {
	t.Helper()
	rules, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// TestLoad reads the same rules from YAML and from JSON.
func TestLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	var loaded []Rules
	for file, content := range map[string]string{
		"rules.yaml": `waves: {max_tasks: 40, canary: 1}
rules:
  - name: europe
    match: {name: a, glob: [b*, "[cd]"], regex: e+, class: FileStream, type: sink, config: {f: g.*}, not: {name: [h]}}
    target: europe
    set: {"database.password": "${file:/secrets/eu:pw}", "i": ""}
    unset: [j]
    replace: [{setting: "k*", pattern: l(.), with: "${1}$$m"}]
    rename: {pattern: ^n, with: ""}
    owner: {name: Ö, channel: "#eu"}
    wave: 2
    blackout: [{from: 2026-12-24T00:00:00+01:00, to: "2026-12-24T00:00:00.5Z", reason: frozen}]
  - {name: rest, match: {}, target: stay}`,
		"rules.json": `{"waves": {"max_tasks": 40, "canary": 1}, "rules": [{"name": "europe",
"match": {"name": ["a"], "glob": ["b*", "[cd]"], "regex": ["e+"], "class": ["FileStream"], "type": "sink", "config": {"f": "g.*"}, "not": {"name": "h"}},
"target": "europe", "set": {"database.password": "${file:/secrets/eu:pw}", "i": ""}, "unset": ["j"], "replace": [{"setting": "k*", "pattern": "l(.)", "with": "${1}$$m"}],
"rename": {"pattern": "^n", "with": ""}, "owner": {"name": "\u00d6", "channel": "#eu"}, "wave": 2,
"blackout": [{"from": "2026-12-24T00:00:00+01:00", "to": "2026-12-24T00:00:00.5Z", "reason": "frozen"}]}, {"name": "rest", "match": {}, "target": "stay"}]}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		rules, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		loaded = append(loaded, rules)
	}
	got := loaded[0]
	if !reflect.DeepEqual(got, loaded[1]) {
		t.Errorf("YAML and JSON differ:\n%+v\n%+v", got, loaded[1])
	}
	if rest := got.Rules[1]; got.Waves != (Waves{40, 1}) || rest.Wave != 1 || !reflect.DeepEqual(rest.Match, Match{}) {
		t.Errorf("%+v", got)
	}
	rule := got.Rules[0]
	if to := time.Date(2026, 12, 24, 0, 0, 0, 5e8, time.UTC); len(rule.Blackout) != 1 || !rule.Blackout[0].To.Equal(to) || rule.Blackout[0].Reason != "frozen" {
		t.Errorf("blackout %v", rule.Blackout)
	}
	rule.Match, rule.Blackout, rule.Replace, rule.Rename = Match{}, nil, nil, nil // see decide_test.go
	if want := (Rule{
		Name: "europe", Target: "europe", Set: map[string]string{"database.password": "${file:/secrets/eu:pw}", "i": ""}, Unset: []string{"j"},
		Owner: &Owner{"Ö", "#eu"}, Wave: 2,
	}); !reflect.DeepEqual(rule, want) {
		t.Errorf("%+v, want %+v", rule, want)
	}
}

// TestMistakes finds each mistake, says where it is, and quotes no value.
func TestMistakes(t *testing.T) {
	const file = "rules.yaml"
	match := func(text string) string { return "rules: [{name: a, target: b, match: " + text + "}]" }
	rule := func(text string) string { return "rules: [{name: a, match: {}, target: b, " + text + "}]" }
	for name, test := range map[string]struct{ content, want string }{
		"empty file":               {"", ": is empty"},
		"comment only":             {"# hunter2\n", ": is empty"},
		"not YAML":                 {"rules: [hunter2", ": is not valid YAML, look near line 1"},
		"not UTF-8":                {"rules: \xff", ": is not UTF-8 text"},
		"no object":                {"hunter2", ":1:1: expected an object, found text"},
		"two documents":            {match("{}") + "\n---\n" + match("{}"), ": holds more than one document, expected one"},
		"no rules":                 {"waves: {}", ":1:1: missing rules"},
		"empty rules":              {"rules: []", ":1:1: rules: expected at least one entry, found none"},
		"unknown key":              {rule("targets: hunter2"), ":1:41: rules.0: unknown key 'targets', did you mean target"},
		"unknown key of waves":     {"waves: {max_task: 1}\n" + match("{}"), ":1:9: waves: unknown key 'max_task', did you mean max_tasks"},
		"unknown condition":        {match("{nme: hunter2}"), ":1:38: rules.0.match: unknown key 'nme', did you mean name"},
		"unknown condition in not": {match("{not: {not: {tpe: hunter2}}}"), ":1:50: rules.0.match.not.not: unknown key 'tpe', did you mean type"},
		"no target":                {"rules: [{name: a, match: {}}]", ":1:9: rules.0: missing target"},
		"match of nothing":         {match(""), ":1:37: rules.0.match: expected an object, found nothing"},
		"empty name":               {match(`{name: ""}`), ":1:44: rules.0.match.name: expected text, found none"},
		"no names":                 {match("{name: []}"), ":1:38: rules.0.match.name: expected at least one entry, found none"},
		"name is a number":         {match("{name: [x, 4711]}"), ":1:48: rules.0.match.name.1: expected text, found a number, put it in quotes"},
		"unknown type":             {match("{type: hunter2}"), ":1:44: rules.0.match.type: expected one of source, sink"},
		"regex":                    {match(`{regex: "(hunter2\nx"}`), ":1:45: rules.0.match.regex: is not a regular expression: missing closing )"},
		"regex of a list":          {match(`{not: {regex: [a, "hunter2["]}}`), ":1:55: rules.0.match.not.regex.1: is not a regular expression: missing closing ]"},
		"regex that ends itself":   {match(`{regex: "hunter2)|(a"}`), ":1:45: rules.0.match.regex: is not a regular expression: unexpected )"},
		"regex that others have":   {match(`{regex: "(?!hunter2)"}`), ":1:45: rules.0.match.regex: is not a regular expression: invalid or unsupported Perl syntax"},
		"regex of a setting":       {match(`{config: {password: "*hunter2"}}`), ":1:57: rules.0.match.config.password: is not a regular expression: missing argument to repetition operator"},
		"regex of rename":          {rule(`rename: {pattern: "hunter2(", with: ""}`), ":1:59: rules.0.rename.pattern: is not a regular expression: missing closing )"},
		"regex of replace":         {rule(`replace: [{setting: a, pattern: "hunter2(", with: ""}]`), ":1:73: rules.0.replace.0.pattern: is not a regular expression: missing closing )"},
		"glob":                     {match(`{glob: "[hunter2"}`), ":1:44: rules.0.match.glob: " + badPattern},
		"glob with a -":            {match(`{glob: "[-4711]"}`), ":1:44: rules.0.match.glob: " + badPattern},
		"glob in not":              {match(`{not: {glob: [a, 'hunter2\']}}`), ":1:54: rules.0.match.not.glob.1: " + badPattern},
		"glob of replace":          {rule(`replace: [{setting: "hunter2[", pattern: a, with: b}]`), ":1:61: rules.0.replace.0.setting: " + badPattern},
		"no such group":            {rule(`replace: [{setting: a, pattern: "(x)", with: $2}]`), ":1:86: rules.0.replace.0.with: " + noGroup},
		"group that runs on":       {rule(`rename: {pattern: "(x)", with: $1_hunter2}`), ":1:72: rules.0.rename.with: " + noGroup},
		"group with a zero":        {rule(`rename: {pattern: "(x)", with: $01}`), ":1:72: rules.0.rename.with: " + noGroup},
		"no group but a $":         {rule(`rename: {pattern: "(?P<x>x)", with: "$x${hunter2}"}`), ":1:77: rules.0.rename.with: " + noGroup},
		"secret in set":            {rule("set: {a: b, database.password: hunter2}"), ":1:72: rules.0.set: " + inClear},
		"secret in a URL":          {rule("set: {connection.url: 'mongodb://u:hunter2@host'}"), ":1:63: rules.0.set: " + inClear},
		"first of two secrets":     {rule("set: {a.password: hunter2, b.password: hunter2, c.password: hunter2}"), ":1:59: rules.0.set: " + inClear},
		"secret put in":            {rule("replace: [{setting: '*.password', pattern: .+, with: hunter2}]"), ":1:94: rules.0.replace.0.with: " + inClear},
		"secret put in a URL":      {rule("replace: [{setting: '*', pattern: '://(.)old', with: '://$1:hunter2@new'}]"), ":1:94: rules.0.replace.0.with: " + inClear},
		"name is set":              {rule("set: {name: hunter2}"), ":1:53: rules.0.set: is the name or a mark of ferry, which cannot be set; rename gives a copy another name"},
		"mark is set":              {rule("set: {ferry.offsets: PRELIMINARY}"), ":1:62: rules.0.set: is the name or a mark of ferry, which cannot be set; rename gives a copy another name"},
		"set is a number":          {rule("set: {tasks.max: 4711}"), ":1:58: rules.0.set: expected text, found a number, put it in quotes"},
		"blackout is no time":      {rule("blackout: [{from: hunter2, to: 2026-12-24T00:00:00Z}]"), ":1:59: rules.0.blackout.0.from: expected a date-time"},
		"blackout in a leap":       {rule("blackout: [{from: 2026-12-24T00:00:00Z, to: 2026-12-31T23:59:60Z}]"), ":1:85: rules.0.blackout.0.to: expected a time such as 2026-12-24T00:00:00Z"},
		"blackout ends before":     {rule("blackout: [{from: 2026-12-24T00:00:00Z, to: 2026-12-24T00:30:00+01:00}]"), ":1:85: rules.0.blackout.0.to: is not after from"},
		"blackout of no length":    {rule("blackout: [{from: 2026-12-24T00:00:00Z, to: 2026-12-24T00:00:00Z}]"), ":1:85: rules.0.blackout.0.to: is not after from"},
		"wave 0":                   {rule("wave: 0"), ":1:47: rules.0.wave: expected at least 1"},
		"wave with a point":        {rule("wave: 47.0"), ":1:47: rules.0.wave: expected a whole number of digits, below 2147483648"},
		"wave too large":           {rule("wave: 4711e200"), ":1:47: rules.0.wave: expected a whole number of digits, below 2147483648"},
		"max_tasks too large":      {"waves: {max_tasks: 4711000000}\n" + match("{}"), ":1:20: waves.max_tasks: expected a whole number of digits, below 2147483648"},
		"same name twice":          {"rules:\n- {name: hunter2, match: {}, target: b}\n- {name: hunter2, match: {}, target: c}", ":3:10: rules.1.name: is the name of an earlier rule too; give each rule its own"},
		"JSON":                     {`{"rules": [{"name": "hunter2", "match": {"regex": ["hunter2("]}, "target": "a"}]}`, ":1:52: rules.0.match.regex.0: is not a regular expression: missing closing )"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file)
			if _, ok := errors.AsType[*clusterfile.InputError](err); !ok || err.Error() != file+test.want {
				t.Fatalf("\n got %v\nwant %s", err, file+test.want)
			}
			if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "4711") || strings.Contains(text, "\n") {
				t.Errorf("quotes a value, or is more than a line: %q", text)
			}
		})
	}
}

// TestNoMistakes takes what resembles a mistake.
func TestNoMistakes(t *testing.T) {
	for name, text := range map[string]string{
		"settings of any name":        `set: {pattern: "(", regex: "(", glob: "[", wave: x, from: y}`,
		"a reference to a secret":     `set: {a.password: "${env:PW}"}, replace: [{setting: a.password, pattern: .*, with: "${file:/secrets/eu:pw}"}]`,
		"within a secret":             `replace: [{setting: a.password, pattern: global, with: europe}, {setting: jaas, pattern: user=a, with: user=b}]`,
		"a secret that is kept":       `replace: [{setting: url, pattern: "://(.*):(.*)@global", with: "://$1:$2@europe"}]`,
		"groups by number and name":   `rename: {pattern: "(a)(?P<b>b)", with: "$0$1-${2}_$b$$c$"}`,
		"no groups at all":            `rename: {pattern: a, with: "$$1 ${a:b} $- ${} ${"}`,
		"a blackout across midnights": `blackout: [{from: 2026-12-24T00:00:00-01:00, to: 2026-12-24T01:00:01Z}]`,
	} {
		if _, err := parse([]byte("rules: [{name: a, match: {}, target: b, " + text + "}]")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoFile says what is in the way of a file, and names it once.
func TestNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for file, want := range map[string]string{
		"none.yaml": "none.yaml: cannot be read: no such file or directory",
		".":         ".: cannot be read: is a directory",
		"":          ": cannot be read: no such file or directory",
	} {
		_, err := Load(file)
		if _, ok := errors.AsType[*clusterfile.InputError](err); !ok || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzLoad loads anything, and decides by what it took.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`rules: [{name: a, match: {glob: "[a-/]*", not: {regex: '\Qa', type: sink}}, target: b, rename: {pattern: ., with: $0x}}]`), "a/b", "1")
	f.Add([]byte(`{"rules": [{"name": "a", "match": {"config": {"x": ".*"}}, "target": "b", "replace": [{"setting": "*", "pattern": "", "with": "$1"}], "wave": 1e1}]}`), "é\n", "")
	f.Add([]byte("waves: {canary: 1}\nrules: [{name: a, match: {}, target: stay, blackout: [{from: 2026-12-24t00:00:00z, to: 2026-12-24T23:59:60Z}]}]"), "..", "$")
	file := filepath.Join(f.TempDir(), "rules")
	f.Fuzz(func(t *testing.T, content []byte, connector, value string) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		rules, err := Load(file)
		if err != nil {
			if _, ok := errors.AsType[*schemas.DocumentError](err); !ok || strings.ContainsAny(err.Error(), "\n\r") || strings.Contains(err.Error(), "schema") {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		settings := rawjson.Object{}.With("x", rawjson.String(value)).With("name", rawjson.String(connector))
		decisions, err := rules.Decide(map[string]connect.Listed{connector: {Config: settings}, "other": {Config: settings, Status: connect.Status{Type: "sink"}}})
		if _, ok := errors.AsType[*MatchError](err); err != nil && !ok || err == nil && (len(decisions) == 0 || decisions[0].Rule == nil) {
			t.Fatalf("%v, %v", decisions, err)
		}
	})
}
