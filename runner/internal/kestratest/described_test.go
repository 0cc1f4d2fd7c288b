package kestratest

import (
	"archive/zip"
	"fmt"
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
	examples = []string{"examples/flows/*.yaml", "examples/flows/*/*.yaml", "examples/mcp/*.yaml", "examples/nats/*.yaml", "examples/notify/*.yaml", "examples/without-plugin/*.yaml"}
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
	Finally     []describedTask  `yaml:"finally"`
	After       []describedTask  `yaml:"afterExecution"`
}

type describedInput struct {
	ID          string `yaml:"id"`
	DisplayName string `yaml:"displayName"`
}

type describedTask struct {
	ID          string           `yaml:"id"`
	Type        string           `yaml:"type"`
	Description string           `yaml:"description"`
	Namespace   string           `yaml:"namespace"` // of a flow it calls
	FlowID      string           `yaml:"flowId"`
	RunIf       string           `yaml:"runIf"`
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
	add(slices.Concat(d.Tasks, d.Errors, d.Finally, d.After))
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
	// A webhook's key is one, of which whoever knows it may call the flow.
	secretKey = regexp.MustCompile(`(?im)^\s*-?\s*"?(?:[a-z_]*(?:password|passwd|secret|token|api_?key|credentials)[a-z_]*|key)"?:[ \t]*(\S.*)$`)
	rendered  = regexp.MustCompile(`^["']?\{\{.*\}\}["']?$`)
)

// TestFlowsAreDescribed checks what the flows and the examples promise their readers: a name
// that is the file's, a description of each flow and each task, a name of each input, no secret.
func TestFlowsAreDescribed(t *testing.T) {
	of := flowFiles(t, product)
	for _, file := range append(of, flowFiles(t, examples)...) {
		flow, content := readFlow(t, file)
		for _, fault := range faults(filepath.Base(file), flow, content, slices.Contains(of, file)) {
			t.Errorf("%s: %s", file, fault)
		}
	}
}

// faults returns what is wrong with a flow of a file. ours says that it is a flow of the product, not an example.
func faults(name string, flow described, content string, ours bool) []string {
	var found []string
	fault := func(format string, about ...any) { found = append(found, fmt.Sprintf(format, about...)) }
	if flow.ID+".yaml" != name {
		fault("the id is %q, expected the name of the file", flow.ID)
	}
	if flow.Namespace != Namespace || flow.Description == "" {
		fault("namespace %q, description %q", flow.Namespace, flow.Description)
	}
	if ours && strings.Contains(content, "secret") {
		fault("a flow is not to render secrets, the plugin resolves them")
	}
	// It renders what it has rendered: what a connector or a person says would be taken for an expression.
	if strings.Contains(content, "render(") {
		fault("render() evaluates what comes from outside, use renderOnce()")
	}
	if !ours && strings.Contains(content, "io.connectferry.") && !strings.Contains(flow.Description, "connect_clusters") {
		fault("the description does not say that it needs the KV entry connect_clusters")
	}
	for _, match := range secretKey.FindAllStringSubmatch(content, -1) {
		if !rendered.MatchString(strings.TrimSpace(match[1])) {
			fault("%q is no expression such as {{ secret('NAME') }}", strings.TrimSpace(match[0]))
		}
	}
	inputs := flow.Inputs
	for _, task := range flow.all() {
		inputs = append(inputs, task.OnResume...)
		if task.Description == "" || !snakeCase.MatchString(task.ID) {
			fault("task %q with the description %q, expected snake_case and a sentence", task.ID, task.Description)
		}
		// Kestra 2.0.0 creates the iterations of a Loop before it looks at its runIf.
		if task.Type == "io.kestra.plugin.core.flow.Loop" && task.RunIf != "" {
			fault("task %q is a Loop with runIf, put it into an If", task.ID)
		}
	}
	for _, input := range inputs {
		if input.DisplayName == "" || !snakeCase.MatchString(input.ID) {
			fault("input %q with the name %q, expected snake_case and what a form shows", input.ID, input.DisplayName)
		}
	}
	return found
}

// TestTasksAreInTheJar looks for every task of the plugin that a flow or an example names in the jar
// itself, and for every flow that one calls among those of the product.
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
	var ours []string
	for _, file := range flowFiles(t, product) {
		ours = append(ours, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	used := 0
	for _, file := range flowFiles(t, slices.Concat(product, examples)) {
		flow, _ := readFlow(t, file)
		for _, fault := range missing(flow, registered, ours) {
			t.Errorf("%s: %s", file, fault)
		}
		for _, task := range flow.all() {
			if strings.HasPrefix(task.Type, "io.connectferry.") {
				used++
			}
		}
	}
	if used == 0 {
		t.Error("no flow uses the plugin")
	}
}

// missing returns what a flow uses and does not find: a task of the plugin, or a flow in its namespace.
func missing(flow described, registered, flows []string) []string {
	var found []string
	for _, task := range flow.all() {
		if strings.HasPrefix(task.Type, "io.connectferry.") && !slices.Contains(registered, task.Type) {
			found = append(found, fmt.Sprintf("task %s is of type %s, and the jar has %s", task.ID, task.Type, registered))
		}
		if task.FlowID != "" && task.Namespace == Namespace && !slices.Contains(flows, task.FlowID) {
			found = append(found, fmt.Sprintf("task %s calls the flow %s, and there are %s", task.ID, task.FlowID, flows))
		}
	}
	return found
}

// TestPlantedFaults shows that each check can fail: a flow without a fault passes, and one with
// a single fault is told by that fault.
func TestPlantedFaults(t *testing.T) {
	const good = `id: good
namespace: connect.ferry
description: Needs the KV entry connect_clusters.
inputs:
  - id: connector
    type: STRING
    displayName: Connector
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    description: One by one.
    tasks:
      - id: start
        type: io.connectferry.Start
        description: Starts it.
        password: "{{ secret('CONNECT_PASSWORD') }}"
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
    description: Asks.
    onResume:
      - id: who
        type: STRING
        displayName: Your name
errors:
  - id: tell
    type: io.kestra.plugin.core.flow.Subflow
    description: Tells.
    namespace: connect.ferry
    flowId: notify
afterExecution:
  - id: later
    type: io.kestra.plugin.core.log.Log
    description: Logs.
triggers:
  - id: asked
    type: io.kestra.plugin.core.trigger.Webhook
    key: "{{ secret('KEY') }}"
`
	check := func(content string) []string {
		var flow described
		must(t, yaml.Unmarshal([]byte(content), &flow))
		return append(faults("good.yaml", flow, content, false), missing(flow, []string{"io.connectferry.Start"}, []string{"notify"})...)
	}
	if found := check(good); len(found) > 0 {
		t.Fatalf("a flow without a fault has %q", found)
	}
	for _, planted := range []struct{ old, fault, told string }{
		{"id: good", "id: other", `the id is "other"`},
		{"namespace: connect.ferry\ndescription: Needs the KV entry connect_clusters.", "namespace: connect.ferry\ndescription: Needs nothing.", "does not say that it needs"},
		{"namespace: connect.ferry\ndescription", "namespace: company.team\ndescription", `namespace "company.team"`},
		{"    displayName: Connector\n", "", `input "connector"`},
		{"        displayName: Your name\n", "", `input "who"`},
		{"        description: Starts it.\n", "", `task "start"`},
		{"    description: Tells.\n", "", `task "tell"`},
		{"    description: Logs.\n", "", `task "later"`},
		{"id: loop", "id: the-loop", `task "the-loop"`},
		{`password: "{{ secret('CONNECT_PASSWORD') }}"`, "password: s3cr3t", "password: s3cr3t"},
		{`key: "{{ secret('KEY') }}"`, "key: 4wjtkzwVGBM9", "key: 4wjtkzwVGBM9"},
		{"io.connectferry.Start", "io.connectferry.Begin", "is of type io.connectferry.Begin"},
		{"flow.ForEach", "flow.Loop\n    runIf: \"{{ false }}\"", "is a Loop with runIf"},
		{"flowId: notify", "flowId: shout", "calls the flow shout"},
		{"description: Logs.", "description: \"{{ render(vars.log) }}\"", "use renderOnce()"},
	} {
		content := strings.Replace(good, planted.old, planted.fault, 1)
		if content == good {
			t.Fatalf("nothing is planted: %q is not there", planted.old)
		}
		if found := check(content); len(found) != 1 || !strings.Contains(found[0], planted.told) {
			t.Errorf("%q instead of %q is told by %q, expected one fault with %q", planted.fault, planted.old, found, planted.told)
		}
	}
	var flow described
	const rendersSecret = "id: good\nnamespace: connect.ferry\ndescription: d\nvariables: {login: \"{{ secret('A') }}\"}\n"
	must(t, yaml.Unmarshal([]byte(rendersSecret), &flow))
	if found := faults("good.yaml", flow, rendersSecret, true); len(found) != 1 {
		t.Errorf("a flow of the product that renders a secret has the faults %q, expected one", found)
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
		variantsAgree(t, filepath.Join(root, "flows"), file, parts)
	}
	variantsAgree(t, filepath.Join(root, "examples", "flows"), "backup-offsets.yaml", [2]string{"  - id: each\n", "  - id: verdict\n"})
	loops := regexp.MustCompile(`(?m)^ *(type: io\.kestra\.plugin\.core\.flow\.(ForEach|Loop)|connector: .*|format: .*|# Iterations are .*|outputs:|- id: one|type: JSON|value: '.*item.*)$\n`)
	var upgrades []string
	for _, folder := range []string{"1.x", "2.x"} {
		content, err := os.ReadFile(filepath.Join(root, "examples", "flows", folder, "upgrade-database.yaml"))
		must(t, err)
		upgrades = append(upgrades, loops.ReplaceAllString(ofAnyVersion.ReplaceAllString(string(content), ""), ""))
	}
	if upgrades[0] != upgrades[1] {
		t.Error("the two files upgrade-database.yaml differ outside of their loops")
	}
}

// variantsAgree compares two files before the first part and after the second.
func variantsAgree(t *testing.T, folder, file string, parts [2]string) {
	t.Helper()
	var texts [2][2]string
	for i, version := range []string{"1.x", "2.x"} {
		content, err := os.ReadFile(filepath.Join(folder, version, file))
		must(t, err)
		before, rest, found := strings.Cut(string(content), parts[0])
		_, after, foundToo := strings.Cut(rest, parts[1])
		if !found || !foundToo {
			t.Fatalf("%s/%s lacks %q or, after it, %q", version, file, parts[0], parts[1])
		}
		texts[i] = [2]string{ofAnyVersion.ReplaceAllString(before, ""), after}
	}
	if texts[0] != texts[1] {
		t.Errorf("1.x/%s and 2.x/%s differ outside of their loops", file, file)
	}
}

var ofAnyVersion = regexp.MustCompile(`(?m)^ *This file is for Kestra .*$`)
