package handover

import (
	"fmt"
	"regexp"
)

const fileNs4kafka = "ns4kafka.yaml"

// ns4kafkaName is what ns4kafka takes for a name (Resource.Metadata.name).
var ns4kafkaName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

func (c Connector) unfitNs4kafka() string {
	if !ns4kafkaName.MatchString(c.Name) {
		return fmt.Sprintf("it takes no connector named %q (letters, digits, _, . and - only); take it back with `ferry rollback` and move it under another name with --rename", c.Name)
	}
	return c.unfitNull()
}

func (c Connector) ns4kafka() ([]File, error) {
	metadata := newMapping().text("name", c.Name)
	if c.Namespace != "" {
		metadata.text("namespace", c.Namespace)
	}
	spec := newMapping().text("connectCluster", c.ConnectCluster).mapping("config", newMapping().settings(c.Settings))
	text, err := newMapping().text("apiVersion", "v1").plain("kind", "Connector").mapping("metadata", metadata).mapping("spec", spec).document(
		"Do not apply this before `kafkactl import`: where ns4kafka does not find the connector on "+c.ConnectCluster+",",
		"a changed connectCluster alone creates a second copy that starts from zero. See README.md.")
	return []File{{fileNs4kafka, text}}, err
}
