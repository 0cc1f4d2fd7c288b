package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestHandedOverAndAccepted: what is handed over is the config that real workers show, the
// origin's copy goes, comes back by its certificate, and takes the connector home.
func TestHandedOverAndAccepted(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	topic, folder := inTopic(t, "accepted"), t.TempDir()
	s.run(topic, lab.NumberedSource(topic, 2, 100))
	s.flows(topic, 200)
	s.want(s.ferry(moving("move", topic)...), 0, event.Moved)
	s.flows(topic, 200)

	s.want(s.ferry(append(moving("handover", topic), "--out", folder)...), 0, event.Written)
	s.sameAsTarget(topic, filepath.Join(folder, topic))

	certificates := filepath.Join(folder, "certificates")
	accept := append(moving("accept", topic), "--certificate", certificates)
	s.want(s.ferry(accept...), 0, event.Accepted)
	if _, err := s.Connect("global").Client().Config(t.Context(), topic); !connect.IsNotFound(err) {
		t.Errorf("the copy is still there: %v", err)
	}
	s.want(s.ferry(accept...), 0, event.Unchanged)
	s.flows(topic, 200)

	s.want(s.ferry("create-stopped", "--cluster", "global", "--from", "europe", "--connector", topic, "--was-state", "running"), 0, event.Created)
	s.want(s.ferry("connect-offsets-put", "--cluster", "global", "--connector", topic,
		"--offsets", filepath.Join(certificates, "global."+topic+".offsets.json")), 0, event.Written)
	s.want(s.ferry(moving("rollback", topic)...), 0, event.RolledBack)
	s.exact(topic, topic)
}

// sameAsTarget holds the JSON and the ns4kafka file against what europe shows, but for what is
// left out, and makes sure that nothing of that is in any file.
func (s *stage) sameAsTarget(connector, folder string) {
	s.t.Helper()
	shown, err := s.Connect("europe").Client().Config(s.t.Context(), connector)
	if err != nil {
		s.t.Fatal(err)
	}
	read := func(name string) []byte {
		s.t.Helper()
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, leak := range s.plants.Find(name, content) {
			s.t.Errorf("%s holds %s", name, leak.Secret)
		}
		return content
	}
	written, err := rawjson.ParseObject(read("connector.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var resource struct {
		Spec struct {
			Config map[string]string `yaml:"config"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal(read("ns4kafka.yaml"), &resource); err != nil {
		s.t.Fatal(err)
	}
	read("strimzi-stopped.yaml")
	read("terraform.tf")
	read("README.md")
	for _, key := range config.Differing(shown, written) {
		if !strings.HasPrefix(written.Text(key), "${") || shown.Text(key) == "" {
			s.t.Errorf("%s is %q, on europe %q", key, written.Text(key), shown.Text(key))
		}
	}
	if len(resource.Spec.Config) != shown.Len() {
		s.t.Errorf("%d settings for ns4kafka, %d on europe", len(resource.Spec.Config), shown.Len())
	}
	for key, value := range resource.Spec.Config {
		if value != written.Text(key) {
			s.t.Errorf("%s is %q for ns4kafka, and %q as JSON", key, value, written.Text(key))
		}
	}
}
