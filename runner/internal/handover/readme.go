package handover

import (
	_ "embed"
	"slices"
	"strings"
	"text/template"

	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

//go:embed readme.md.tmpl
var readmeText string

var readmeTemplate = template.Must(template.New("readme").Funcs(template.FuncMap{
	"code": code, "shell": pair.Shell,
	"env":       func(s Setting) string { return s.Variable },
	"terraform": Setting.terraformVariable,
}).Parse(readmeText))

// readmeData is what the template knows.
type readmeData struct {
	Connector
	Fit   []Format
	Unfit map[Format]string
}

// readme says the steps of each format, in the order in which they are safe.
func (c Connector) readme(fit []Format, unfit map[Format]string) (string, error) {
	var out strings.Builder
	err := readmeTemplate.Execute(&out, readmeData{c, fit, unfit})
	return out.String(), err
}

// Has reports whether a format was written.
func (d readmeData) Has(format Format) bool { return slices.Contains(d.Fit, format) }

// Pair names the move for a command of ferry.
func (d readmeData) Pair() string { return pair.MoveFlags(d.Origin, d.Target, d.NameOnOrigin, d.Name) }

// FillInto returns the command that fills the secrets of a file into another one, "" if there
// are none. envsubst is told their names: left to itself it would also empty texts such as
// ReplaceField$Value.
func (d readmeData) FillInto(file, filled string) string {
	if len(d.Secrets()) == 0 {
		return ""
	}
	return d.fill(file) + " > " + filled
}

// Filled is the file without placeholders.
func (d readmeData) Filled(file, filled string) string {
	if len(d.Secrets()) == 0 {
		return file
	}
	return filled
}

// Apply returns the command that gives a file to Kubernetes.
func (d readmeData) Apply(file string) string {
	if len(d.Secrets()) == 0 {
		return "kubectl apply" + d.InNamespace() + " -f " + file
	}
	return d.fill(file) + " | kubectl apply" + d.InNamespace() + " -f -"
}

func (d readmeData) fill(file string) string {
	var names []string
	for _, setting := range d.Secrets() {
		names = append(names, setting.placeholder())
	}
	return "envsubst '" + strings.Join(names, " ") + "' < " + file
}

// InNamespace is the flag that names the namespace to kubectl and kafkactl.
func (d readmeData) InNamespace() string {
	if d.Namespace == "" {
		return ""
	}
	return " -n " + pair.Shell(d.Namespace)
}

// OffsetsMap is the name of the ConfigMap with the offsets.
func (d readmeData) OffsetsMap() string { return d.offsetsMap() }

// AtRest reports whether the connector does not run, which only some tools can say.
func (d readmeData) AtRest() bool { return strimziState(d.State) != "running" }

// code puts a name into backticks, whatever it holds.
func code(text string) string {
	text = strings.NewReplacer("`", "'", "|", "\\|").Replace(oneLine(text))
	return "`" + text + "`"
}
