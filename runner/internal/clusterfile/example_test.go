package clusterfile

import (
	"strings"
	"testing"
)

// TestExample keeps the clusters file that people start from readable.
func TestExample(t *testing.T) {
	for _, variable := range []string{"GLOBAL_PASSWORD", "KAFKA_PASSWORD", "OAUTH_SECRET", "AMERICAS_TOKEN"} {
		t.Setenv(variable, "not-a-secret")
	}
	for _, variable := range []string{"SLACK_WEBHOOK", "TEAMS_WEBHOOK"} {
		t.Setenv(variable, "https://hooks.example/services/not-a-secret")
	}
	clusters, err := Load("../../../examples/clusters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(clusters.Names(), " "); got != "americas asia europe global" {
		t.Errorf("clusters: %s", got)
	}
}
