package cli

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// TestRequestIsOneThing holds the three faces of a request against each other: each
// property of the schema is a field of the struct and a flag of a command, and nothing
// is a field or a flag that is no property.
func TestRequestIsOneThing(t *testing.T) {
	known := schemas.Properties()
	fields := map[string]bool{}
	for i := range reflect.TypeFor[request]().NumField() {
		fields[reflect.TypeFor[request]().Field(i).Tag.Get("json")] = true
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
		if !fields[name] {
			t.Errorf("property %s is no field of the request", name)
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
