package schemas

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var all = map[string]Schema{"clusters": Clusters, "request": Request, "result": Result, "event": Event, "history": History, "rules": Rules, "plan": Plan, "certificate": Certificate, "notice": Notice}

// textOf returns a schema as the document that it is.
func textOf(t *testing.T, schema Schema) map[string]any {
	t.Helper()
	content, err := files.ReadFile(schema.file)
	if err != nil {
		t.Fatal(err)
	}
	var text map[string]any
	if err := json.Unmarshal(content, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// Examples that are not valid would teach people mistakes.
func TestExamplesAreValid(t *testing.T) {
	for name, schema := range all {
		text := textOf(t, schema)
		examples, _ := text["examples"].([]any)
		if len(examples) < 2 {
			t.Errorf("%s: has %d examples, expected at least two", name, len(examples))
		}
		for i, example := range examples {
			document, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(schema, document); err != nil {
				t.Errorf("%s: example %d: %v", name, i, err)
			}
		}
	}
}

// An object that takes any key swallows misspelt ones. Only the proof may grow.
func TestObjectsAreClosed(t *testing.T) {
	for name, schema := range all {
		walk(textOf(t, schema), name, func(schema map[string]any, place string) {
			_, closed := schema["additionalProperties"]
			_, isObject := schema["properties"]
			if isObject && !closed && !strings.HasPrefix(place, "result.$defs.proof") {
				t.Errorf("%s: takes any key", place)
			}
			for _, keyword := range []string{"anyOf", "oneOf", "not"} {
				if _, used := schema[keyword]; used {
					t.Errorf("%s: %s makes errors that name no one place, use type and if", place, keyword)
				}
			}
			if _, used := schema["pattern"]; used && schema["examples"] == nil {
				t.Errorf("%s: a pattern without examples explains nothing", place)
			}
		})
	}
}

// walk visits every schema within a schema.
func walk(value any, place string, visit func(map[string]any, string)) {
	schema, ok := value.(map[string]any)
	if !ok {
		return
	}
	visit(schema, place)
	for key, inner := range schema {
		switch key {
		case "properties", "$defs":
			for name, property := range inner.(map[string]any) { //nolint:forcetypeassert // the keyword's meaning
				walk(property, place+"."+key+"."+name, visit)
			}
		case "items", "additionalProperties", "if", "then", "else":
			walk(inner, place+"."+key, visit)
		}
	}
}

func TestCheckRequest(t *testing.T) {
	for name, test := range map[string]struct{ document, want string }{
		"valid":           {`{"clusters": "c.yaml", "connector": ["a"], "timeout": "1m30s", "concurrency": 64}`, ""},
		"no connector":    {`{"connector": []}`, ""}, // the command says what it needs
		"ISO timeout":     {`{"timeout": "PT1M30.5S"}`, ""},
		"inline":          {`{"clusters": {"clusters": {"a": {"connect_url": ["http://x"]}}}}`, ""},
		"unknown":         {`{"conector": "a"}`, "1:2: unknown key 'conector', did you mean connector"},
		"hyphen":          {`{"allow-duplicates": true}`, "1:2: unknown key 'allow-duplicates', did you mean allow_duplicates"},
		"first of two":    {"{\"bb\": 1,\n \"aa\": 2}", "1:2: unknown key 'bb', expected accepted_by, allow_duplicates, approved_by, at_least_once, certificate, cluster, clusters, concurrency, config, connect_cluster, connector, copy, dry_run, every, field, for, format, from, into, level, link, list, markdown, max_failures, message, namespace, of, offsets, only, origin, other_kafka, out, output, overwrite, owner, part, plan, policy, proof, rehearse, rename, report, result, rules, same_log, set, since, target, timeout, unset, until, was_state, wave"},
		"number":          {"{\n  \"origin\": 1}", "2:13: origin: expected text, found a number, put it in quotes"},
		"clusters number": {`{"clusters": 1}`, "1:14: clusters: expected text or an object, found a number, put it in quotes"},
		"inline, unknown": {`{"clusters": {"clusters": {"a": {"connect_url": "http://x", "pasword": "hunter2"}}}}`, "1:61: clusters.clusters.a: unknown key 'pasword', did you mean password"},
		"proof":           {`{"proof": "soft"}`, "1:11: proof: expected one of auto, hard, timed"},
		"timeout":         {`{"timeout": "soon"}`, "1:13: timeout: expected text such as 90s or 2m or PT2M"},
		"concurrency":     {`{"concurrency": 65}`, "1:17: concurrency: expected at most 64"},
		"too few":         {`{"concurrency": 0}`, "1:17: concurrency: expected at least 1"},
		"fraction":        {`{"concurrency": 1.5}`, "1:17: concurrency: expected a whole number, found a number"},
		"boolean":         {`{"overwrite": "yes"}`, "1:15: overwrite: expected true or false, found text"},
		"set":             {`{"set": {"password=hunter2": 1}}`, "1:30: set: expected text, found a number, put it in quotes"},
		"empty name":      {`{"connector": ["a", ""]}`, "1:21: connector.1: expected text, found none"},
		"twice":           {`{"origin": "a", "origin": "b"}`, "1:17: origin: the key appears twice"},
		"wide characters": {`{"set": {"ключ": "é"}, "origin": null}`, "1:34: origin: expected text, found nothing"},
		"broken":          {"{\"origin\": \"a\",\n\"target\": ]}", "2:11: is not valid JSON from here on"},
		"cut off":         {`{"origin": "hunter2`, "1:19: is not valid JSON from here on"},
	} {
		err := Check(Request, []byte(test.document))
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || err.Error() != test.want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n got %v\nwant %s", name, err, test.want)
		}
	}
}

func TestCheckResult(t *testing.T) {
	valid := `{"schema":"connect-ferry/result/1","command":"move","version":"0.1.0","started_at":"2026-11-24T18:00:00Z","ended_at":"2026-11-24T18:00:00Z",
"exit_code":0,"outcome":"done","message":"","connectors":[{"connector":"a","outcome":"moved","changed":true,"message":"","entries":0,
"proof":{"kind":"hard","offset_topic":"added later"},"config_sha256":{"origin":"` + strings.Repeat("0f", 32) + `"}}]}`
	if err := Check(Result, []byte(valid)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"schema":     {"result/1", "result/2", "1:11: schema: expected connect-ferry/result/1"},
		"time":       {"18:00:00Z", "18:00", "1:84: started_at: expected a date-time"},
		"outcome":    {`"moved"`, `"teleported"`, "2:86: connectors.0.outcome: expected one of moved, unchanged, put_back, failed, refused, not_proven, rolled_back, running_twice, down, interrupted, held, ready, rehearsed, prepared, not_begun, created, quiesced, read, written, started, observed, accepted"},
		"hash":       {"0f0f", "0F0F", "3:80: connectors.0.config_sha256.origin: expected text such as 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		"proof":      {`"kind":"hard",`, "", "3:1: connectors.0.proof: missing kind"},
		"connectors": {`"connectors":[`, `"connectors":null,"x":[`, "2:63: unknown key 'x', expected channels, cluster, command, connectors, ended_at, exit_code, message, origin, outcome, plan, schema, started_at, target, undelivered_events, version"},
	} {
		document := strings.Replace(valid, test.old, test.new, 1)
		err := Check(Result, []byte(document))
		if _, ok := errors.AsType[*DocumentError](err); !ok || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", name, err, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"a": [1, -2.5e3, true, null, "\ud83d\ude00"], "b": {}}`)
	f.Add("a: &x [1, 'b']\nc: *x\n? d\n")
	f.Add("a: |\n  text\nb: >-\n  more\n# comment\n")
	f.Fuzz(func(t *testing.T, document string) {
		source, err := Read([]byte(document))
		if err != nil {
			if _, ok := errors.AsType[*DocumentError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if !json.Valid(source.JSON()) {
			t.Fatalf("%q became %s", document, source.JSON())
		}
		// Read is at its end: what it made of a document stays what it is.
		again, err := Read(source.JSON())
		if err != nil || string(again.JSON()) != string(source.JSON()) {
			t.Fatalf("%s became %v, %v", source.JSON(), again, err)
		}
	})
}
