package handover

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
)

// fill fills in the secrets as envsubst does with their names.
func fill(connector Connector, text string) string {
	for _, setting := range connector.Secrets() {
		text = strings.ReplaceAll(text, setting.placeholder(), planted[setting.Key])
	}
	return text
}

// TestAppliedItChangesNothing holds each file, made a config again as its tool makes it, against
// what the target shows, setting by setting.
func TestAppliedItChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := moved(t, "orders", map[string]string{"connector.plugin.version": "1.0.0", "a.octal": "0777"}, connect.Running)
		connector, files := w.handOver(Options{})
		want := w.config()
		if want.Text("a.octal") != "0777" || want.Text("a.lines") != odd["a.lines"] {
			t.Fatalf("the target's config is not the one of this test: %s", want)
		}
		for name, got := range map[string]rawjson.Object{
			fileStrimzi:        operatorConfig(t, connector, files[fileStrimzi]),
			fileStrimziStopped: operatorConfig(t, connector, files[fileStrimziStopped]),
			fileNs4kafka:       ns4kafkaConfig(t, connector, files[fileNs4kafka]),
			fileTerraform:      terraformConfig(t, connector, files[fileTerraform]),
			fileJSON:           jsonConfig(t, connector, files[fileJSON]),
		} {
			if differing := config.Differing(got, want); len(differing) > 0 {
				for _, key := range differing {
					ours, _ := got.Get(key)
					theirs, _ := want.Get(key)
					t.Errorf("%s: %s is %s, on the target %s", name, key, ours, theirs)
				}
			}
		}
		plants := secrettest.Plants{"password": planted["db.password"], "url": "planted-url"}
		for name, text := range files {
			for _, leak := range plants.Find(name, []byte(text)) {
				t.Errorf("%s holds the %s:\n%s", name, leak.Secret, text)
			}
		}
	})
}

// parsed reads a YAML file into JSON values, its secrets filled in after reading: a tool fills
// them in as texts.
func parsed(t *testing.T, connector Connector, text, schema string) map[string]any {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("%s\n%s", err, text)
	}
	content, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s does not fit %s: %s", connector.Name, schema, err)
	}
	return document
}

// texts makes a config of a YAML mapping whose values are all texts.
func texts(t *testing.T, connector Connector, value any) rawjson.Object {
	t.Helper()
	var made rawjson.Object
	for key, value := range value.(map[string]any) {
		text, is := value.(string)
		if !is {
			t.Fatalf("%s is %T %v, not a text", key, value, value)
		}
		made = made.With(key, rawjson.String(fill(connector, text)))
	}
	return made
}

// operatorConfig makes the config that Strimzi's operator compares with the one of the cluster
// (AbstractConnectOperator.needsReconfiguring).
func operatorConfig(t *testing.T, connector Connector, text string) rawjson.Object {
	t.Helper()
	resource := parsed(t, connector, text, "strimzi.schema.json")
	spec := resource["spec"].(map[string]any)
	var desired rawjson.Object
	given := texts(t, connector, spec["config"])
	for _, key := range given.Keys() {
		if !slices.Contains(apart, strings.ToLower(key)) {
			value, _ := given.Get(key)
			desired = desired.With(key, value)
		}
	}
	if tasks, has := spec["tasksMax"]; has {
		desired = desired.With("tasks.max", rawjson.String(strconv.Itoa(tasks.(int))))
	}
	if version, has := spec["version"]; has {
		desired = desired.With("connector.plugin.version", rawjson.String(version.(string)))
	}
	desired = desired.With("name", rawjson.String(resource["metadata"].(map[string]any)["name"].(string)))
	return desired.With("connector.class", rawjson.String(spec["class"].(string)))
}

// ns4kafkaConfig makes the config that ns4kafka compares with the imported one
// (ConnectorController.apply).
func ns4kafkaConfig(t *testing.T, connector Connector, text string) rawjson.Object {
	t.Helper()
	resource := parsed(t, connector, text, "ns4kafka.schema.json")
	given := texts(t, connector, resource["spec"].(map[string]any)["config"])
	return given.With("name", rawjson.String(resource["metadata"].(map[string]any)["name"].(string)))
}

func jsonConfig(t *testing.T, connector Connector, text string) rawjson.Object {
	t.Helper()
	object, err := rawjson.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range object.Keys() {
		if value, _ := object.Get(key); !value.IsNull() {
			object = object.With(key, rawjson.String(fill(connector, object.Text(key))))
		}
	}
	return object
}

// terraformConfig makes the config that the provider puts together of config and
// config_sensitive. No Terraform is at hand: it reads the lines of this package's own file.
func terraformConfig(t *testing.T, connector Connector, text string) rawjson.Object {
	t.Helper()
	var made rawjson.Object
	_, block, _ := strings.Cut(text, "  config = {\n")
	for line := range strings.Lines(block) {
		key, value, is := strings.Cut(strings.TrimSpace(line), `" = `)
		if !is || !strings.HasPrefix(line, "    ") {
			continue
		}
		key = unquoted(t, key+`"`)
		if name, isVariable := strings.CutPrefix(value, "var."); isVariable {
			at := slices.IndexFunc(connector.Secrets(), func(s Setting) bool { return s.terraformVariable() == name })
			if at < 0 || !strings.Contains(text, `variable "`+name+`" {`) {
				t.Fatalf("variable %s is not declared", name)
			}
			made = made.With(key, rawjson.String(planted[connector.Secrets()[at].Key]))
			continue
		}
		made = made.With(key, rawjson.String(unquoted(t, value)))
	}
	return made
}

// unquoted reads a quoted HCL text: the escapes of JSON, and $${ and %%{.
func unquoted(t *testing.T, text string) string {
	t.Helper()
	if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "$${", ""), "%%{", ""), "${") {
		t.Errorf("%s has a template", text)
	}
	value, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %s", text, err)
	}
	read, _ := value.Text()
	return strings.NewReplacer("$${", "${", "%%{", "%{").Replace(read)
}
