package kestratest

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// product and examples are the patterns of the flow files, from the repository's root.
var (
	product  = []string{"flows/*.yaml", "flows/[12].x/*.yaml"}
	examples = []string{"examples/flows/*.yaml", "examples/nats/*.yaml", "examples/notify/*.yaml", "examples/without-plugin/*.yaml"}
)

// flowFiles returns the flow files of some patterns. Each pattern has to find some.
func flowFiles(t *testing.T, patterns []string) []string {
	t.Helper()
	root, err := Root()
	must(t, err)
	var files []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		must(t, err)
		if len(found) == 0 {
			t.Errorf("no file is %s", pattern)
		}
		files = append(files, found...)
	}
	return files
}

// described is what a flow promises its readers.
type described struct {
	ID          string           `yaml:"id"`
	Namespace   string           `yaml:"namespace"`
	Description string           `yaml:"description"`
	Inputs      []describedInput `yaml:"inputs"`
	Tasks       []describedTask  `yaml:"tasks"`
	Errors      []describedTask  `yaml:"errors"`
}

type describedInput struct {
	ID          string `yaml:"id"`
	DisplayName string `yaml:"displayName"`
}

type describedTask struct {
	ID          string           `yaml:"id"`
	Type        string           `yaml:"type"`
	Description string           `yaml:"description"`
	OnResume    []describedInput `yaml:"onResume"`
	Tasks       []describedTask  `yaml:"tasks"`
	Then        []describedTask  `yaml:"then"`
	Else        []describedTask  `yaml:"else"`
	Errors      []describedTask  `yaml:"errors"`
}

// all returns every task, also those within others.
func (d described) all() []describedTask {
	var found []describedTask
	var add func(tasks []describedTask)
	add = func(tasks []describedTask) {
		for _, task := range tasks {
			found = append(found, task)
			add(slices.Concat(task.Tasks, task.Then, task.Else, task.Errors))
		}
	}
	add(slices.Concat(d.Tasks, d.Errors))
	return found
}

func readFlow(t *testing.T, file string) (described, string) {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	var flow described
	must(t, yaml.Unmarshal(content, &flow))
	return flow, string(content)
}

var (
	snakeCase = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	// secretKey is a setting that holds a secret, with its value; that of a notice may be a default.
	secretKey = regexp.MustCompile(`(?im)^\s*-?\s*"?[a-z_]*(?:password|passwd|secret|token|api_?key|credentials)[a-z_]*"?:[ \t]*(\S.*)$`)
	rendered  = regexp.MustCompile(`^["']?\{\{.*\}\}["']?$`)
)

// TestFlowsAreDescribed checks what the flows and the examples promise their readers: a name
// that is the file's, a description of each flow and each task, a name of each input, no secret.
func TestFlowsAreDescribed(t *testing.T) {
	of := flowFiles(t, product)
	for _, file := range append(of, flowFiles(t, examples)...) {
		flow, content := readFlow(t, file)
		if flow.ID+".yaml" != filepath.Base(file) || flow.Namespace != Namespace || flow.Description == "" {
			t.Errorf("%s: id %q, namespace %q, description %q", file, flow.ID, flow.Namespace, flow.Description)
		}
		if slices.Contains(of, file) && strings.Contains(content, "secret") {
			t.Errorf("%s: a flow is not to render secrets, the plugin resolves them", file)
		}
		for _, match := range secretKey.FindAllStringSubmatch(content, -1) {
			if !rendered.MatchString(strings.TrimSpace(match[1])) {
				t.Errorf("%s: %q is no expression such as {{ secret('NAME') }}", file, strings.TrimSpace(match[0]))
			}
		}
		inputs := flow.Inputs
		for _, task := range flow.all() {
			inputs = append(inputs, task.OnResume...)
			if task.Description == "" || !snakeCase.MatchString(task.ID) {
				t.Errorf("%s: task %q with the description %q, expected snake_case and a sentence", file, task.ID, task.Description)
			}
		}
		for _, input := range inputs {
			if input.DisplayName == "" || !snakeCase.MatchString(input.ID) {
				t.Errorf("%s: input %q with the name %q, expected snake_case and what a form shows", file, input.ID, input.DisplayName)
			}
		}
	}
}

// TestTasksAreInTheJar looks for every task of the plugin that a flow or an example names in the jar itself.
func TestTasksAreInTheJar(t *testing.T) {
	if testing.Short() {
		t.Skip("short: this builds the plugin")
	}
	jars, err := filepath.Glob(filepath.Join(plugins(t), "*.jar"))
	must(t, err)
	if len(jars) != 1 {
		t.Fatalf("%v, expected one jar", jars)
	}
	registered := registeredIn(t, jars[0])
	used := 0
	for _, file := range flowFiles(t, slices.Concat(product, examples)) {
		flow, _ := readFlow(t, file)
		for _, task := range flow.all() {
			if !strings.HasPrefix(task.Type, "io.connectferry.") {
				continue
			}
			used++
			if !slices.Contains(registered, task.Type) {
				t.Errorf("%s: task %s is of type %s, and the jar has %s", file, task.ID, task.Type, registered)
			}
		}
	}
	if used == 0 {
		t.Error("no flow uses the plugin")
	}
}

// registeredIn returns the classes by which Kestra finds the plugins of a jar.
func registeredIn(t *testing.T, jar string) []string {
	t.Helper()
	archive, err := zip.OpenReader(jar)
	must(t, err)
	t.Cleanup(func() { must(t, archive.Close()) })
	content, err := fs.ReadFile(archive, "META-INF/services/io.kestra.core.models.Plugin")
	must(t, err)
	return strings.Fields(string(content))
}

// TestVariantsAgree holds the files of one name together: they may differ in
// their loops and what reads those, and in the sentence that says so.
func TestVariantsAgree(t *testing.T) {
	root, err := Root()
	must(t, err)
	for file, parts := range map[string][2]string{
		"migrate-connectors.yaml": {"  - id: waves\n", "  - id: summary\n"},
		"move-wave.yaml":          {"  - id: together\n", "outputs:\n  - id: results\n"},
		"migrate-cluster.yaml":    {"  - id: waves\n", "  - id: summary\n"},
		"apply-wave.yaml":         {"      - id: roll_back\n", "  - id: outcome\n"},
	} {
		var texts [2][2]string
		for i, folder := range []string{"1.x", "2.x"} {
			content, err := os.ReadFile(filepath.Join(root, "flows", folder, file))
			must(t, err)
			before, rest, found := strings.Cut(string(content), parts[0])
			_, after, foundToo := strings.Cut(rest, parts[1])
			if !found || !foundToo {
				t.Fatalf("%s/%s lacks %q or, after it, %q", folder, file, parts[0], parts[1])
			}
			texts[i] = [2]string{ofAnyVersion.ReplaceAllString(before, ""), after}
		}
		if texts[0] != texts[1] {
			t.Errorf("flows/1.x/%s and flows/2.x/%s differ outside of their loops", file, file)
		}
	}
}

var ofAnyVersion = regexp.MustCompile(`(?m)^ *This file is for Kestra .*$`)
