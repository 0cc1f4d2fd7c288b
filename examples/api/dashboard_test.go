package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// chart is what the script sends of the dashboard file.
type chart struct {
	ID      string            `yaml:"id"`
	Type    string            `yaml:"type"`
	Options map[string]string `yaml:"chartOptions"`
	Data    yaml.Node         `yaml:"data"`
}

// TestDashboard wants each chart of the dashboard to arrive as it is in the file, and the figures to be printed.
func TestDashboard(t *testing.T) {
	for _, tool := range []string{"curl", "jq", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed, so the script is not run", tool)
		}
	}
	file := filepath.Join("..", "..", "flows", "dashboards", "connect-ferry.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Charts []chart `yaml:"charts"`
	}
	if err := yaml.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	var asked []chart
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var preview struct {
			Chart string `json:"chart"`
		}
		var one chart
		user, password, _ := r.BasicAuth()
		if r.Method+" "+r.URL.Path != "POST /api/v1/main/dashboards/charts/preview" || user != "ann" || password != "s3cret" ||
			json.NewDecoder(r.Body).Decode(&preview) != nil || yaml.Unmarshal([]byte(preview.Chart), &one) != nil {
			http.Error(w, "no preview of a chart", http.StatusBadRequest)
			return
		}
		asked = append(asked, one)
		answer := `{"results":[{"date":"2026-11-28","metric":"ferry.moved","connectors":7},{"date":"2026-11-28","metric":"ferry.failed","connectors":1}],"total":2}`
		if strings.HasSuffix(one.Type, ".KPI") {
			answer = `{"results":[{"value":7.0}],"total":1}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer listening.Close()

	show := func(url string) (string, error) {
		command := exec.CommandContext(t.Context(), "sh", "dashboard.sh", file)
		command.Env = append(os.Environ(), "KESTRA_URL="+url, "KESTRA_USER=ann:s3cret")
		printed, err := command.CombinedOutput()
		return string(printed), err
	}
	printed, err := show(listening.URL)
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	for _, line := range []string{"Moved: 7", "Moves and failures a day:\n  date 2026-11-28, metric ferry.moved, connectors 7\n  date 2026-11-28, metric ferry.failed, connectors 1\n"} {
		if !strings.Contains(printed, line) {
			t.Errorf("%q is missing in\n%s", line, printed)
		}
	}
	if len(asked) != len(dashboard.Charts) {
		t.Fatalf("%d charts were asked for, the file has %d", len(asked), len(dashboard.Charts))
	}
	for i, want := range dashboard.Charts {
		got, _ := yaml.Marshal(asked[i])
		wanted, _ := yaml.Marshal(want)
		if string(got) != string(wanted) {
			t.Errorf("chart %s arrived as\n%s\nand is\n%s", want.ID, got, wanted)
		}
	}
	if printed, err := show("http://127.0.0.1:9"); err == nil {
		t.Errorf("no error without a server: %s", printed)
	}
}
