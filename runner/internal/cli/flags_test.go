package cli

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

var kindOfField = map[schemas.Kind]reflect.Kind{
	schemas.Text: reflect.String, schemas.Texts: reflect.Slice, schemas.Pairs: reflect.Map, schemas.Bool: reflect.Bool, schemas.Int: reflect.Int,
}

// TestRequestIsOneThing holds the three faces of a request against each other: each
// property of the schema is a field of the struct and a flag of a command, and nothing
// is a field or a flag that is no property.
func TestRequestIsOneThing(t *testing.T) {
	known := schemas.Properties()
	fields := map[string]reflect.Type{}
	for i := range reflect.TypeFor[request]().NumField() {
		field := reflect.TypeFor[request]().Field(i)
		fields[field.Tag.Get("json")] = field.Type
	}
	flags := map[string]bool{}
	code := 0
	for _, command := range newApp(io.Discard, io.Discard, &code).Commands {
		for _, flag := range command.Flags {
			name := strings.ReplaceAll(flag.Names()[0], "-", "_")
			if command.Name == "completion" || slices.Contains([]string{"request", "help"}, name) {
				continue
			}
			flags[name] = true
			if _, is := known[name]; !is {
				t.Errorf("%s --%s is no property of the request", command.Name, flag.Names()[0])
			}
		}
	}
	for name, property := range known {
		if field, is := fields[name]; !is {
			t.Errorf("property %s is no field of the request", name)
		} else if want := kindOfField[property.Kind]; field.Kind() != want && field != reflect.TypeFor[rawjson.Value]() {
			t.Errorf("property %s is a field of type %s, not %s", name, field, want)
		}
		if !flags[name] {
			t.Errorf("property %s is no flag of any command", name)
		}
		if property.Help == "" {
			t.Errorf("property %s has no help", name)
		}
	}
	if len(fields) != len(known) {
		t.Errorf("%d fields, %d properties", len(fields), len(known))
	}
}

// TestClustersComeFrom: a flag wins over the request file, and that over the environment.
func TestClustersComeFrom(t *testing.T) {
	t.Setenv(clustersVariable, "of-environment.yaml")
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"environment": {nil, "of-environment.yaml"},
		"file":        {[]string{"--request", "testdata/request.json"}, "of-file.yaml"},
		"flag":        {[]string{"--request", "testdata/request.json", "--clusters", "of-flag.yaml"}, "of-flag.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			arguments := append([]string{"ferry", "status", "--origin", "a", "--target", "b", "--connector", "c"}, test.arguments...)
			if code := Main(t.Context(), arguments, io.Discard, &said); code != exitUsage || !strings.Contains(said.String(), test.want+": cannot be read") {
				t.Errorf("exit code %d: %s", code, said.String())
			}
		})
	}
}

// TestFlagSaysWhereToAnswer: a flag wins over the request file for the refusal too.
func TestFlagSaysWhereToAnswer(t *testing.T) {
	folder := t.TempDir()
	ofFile, ofFlag, requestFile := filepath.Join(folder, "file.json"), filepath.Join(folder, "flag.json"), filepath.Join(folder, "request.json")
	if err := os.WriteFile(requestFile, []byte(`{"output": "kestra", "result": "`+filepath.ToSlash(ofFile)+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var answered strings.Builder
	code := Main(t.Context(), []string{"ferry", "move", "--request", requestFile, "--output", "json", "--result", ofFlag, "--set", "novalue"}, &answered, io.Discard)
	if code != exitUsage || !strings.HasPrefix(answered.String(), "{") {
		t.Errorf("exit code %d, answered %s", code, answered.String())
	}
	if _, err := os.Stat(ofFlag); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ofFile); err == nil {
		t.Error("the result went where the request file says, not the flag")
	}
}

// TestRefusals are mistakes that the schema alone would not tell in the flag's words.
func TestRefusals(t *testing.T) {
	const noFile = "none.yaml: cannot be read"
	fraction := filepath.Join(t.TempDir(), "request.json")
	if err := os.WriteFile(fraction, []byte(`{"concurrency": 8.0}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(clustersVariable, "none.yaml")
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"a choice":              {[]string{"--proof", "soft"}, `--proof is auto, hard or timed, not "soft"`},
		"an empty choice":       {[]string{"--proof", "", "--copy", "", "--output", ""}, noFile}, // the default, so that all is read
		"an empty path":         {[]string{"--clusters", ""}, "name the clusters file with --clusters or FERRY_CLUSTERS"},
		"a number out of range": {[]string{"--concurrency", "65"}, "--concurrency is from 1 to 64, not 65"},
		"a number with a point": {[]string{"--request", fraction}, fraction + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			var said strings.Builder
			arguments := append([]string{"ferry", "move", "--origin", "a", "--target", "b", "--connector", "c"}, test.arguments...)
			if code := Main(t.Context(), arguments, io.Discard, &said); code != exitUsage || !strings.Contains(said.String(), test.want) {
				t.Errorf("exit code %d: %s", code, said.String())
			}
		})
	}
}

// TestSameMistakeIsTold: whoever runs a wrong command again reads the same line again.
func TestSameMistakeIsTold(t *testing.T) {
	for range 20 {
		var said strings.Builder
		Main(t.Context(), []string{"ferry", "move", "--proof", "x", "--copy", "y", "--concurrency", "99"}, io.Discard, &said)
		if !strings.Contains(said.String(), "--concurrency is from 1 to 64") {
			t.Fatal(said.String())
		}
	}
}
