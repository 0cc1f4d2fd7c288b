package kestratest

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// kestraURL is what the engine of [TestFlows] takes for its own URL. The slash at its end is
// one that people write.
const kestraURL = "http://kestra.example:8080/"

// deadHook is a webhook that nobody serves, behind a secret of Kestra.
const deadHook = "http://127.0.0.1:9/p4ssw0rd-of-a-webhook"

// notifyElsewhere is the flow notify in two more namespaces: one that gets channels and one that
// gets nothing, so that the cases beside them go without.
func notifyElsewhere(t *testing.T) []string {
	t.Helper()
	root, err := Root()
	must(t, err)
	flow, err := os.ReadFile(filepath.Join(root, "flows", "notify.yaml"))
	must(t, err)
	var folders []string
	for _, namespace := range []string{"told", "untold"} {
		folder := t.TempDir()
		must(t, os.WriteFile(filepath.Join(folder, "notify.yaml"), []byte(strings.Replace(string(flow), "namespace: "+Namespace, "namespace: "+namespace, 1)), 0o600))
		folders = append(folders, folder)
	}
	return folders
}

// listenOnChannels gives the namespace told its channels.
func (s *stage) listenOnChannels(ctx context.Context, t *testing.T) {
	t.Helper()
	hooks := http.NewServeMux()
	s.heard = map[string]*notes{}
	for _, channel := range []string{"everybody", "payments", "billing", "night"} {
		heard := &notes{}
		s.heard[channel] = heard
		hooks.HandleFunc("POST /"+channel+"/p4ssw0rd-of-a-webhook", heard.keep)
	}
	url := serve(t, hooks)
	hook := func(channel string) string { return url + "/" + channel + "/p4ssw0rd-of-a-webhook" }
	must(t, s.SetKVIn(ctx, "told", "connect_clusters", map[string]any{
		"clusters": map[string]any{"global": map[string]any{"connect_url": "http://127.0.0.1:9"}},
		"notify": []map[string]any{
			{"name": "everybody", "url": hook("everybody")},
			{"name": "payments", "url": hook("payments"), "format": "json", "owners": []string{"payments"}},
			{"name": "billing", "url": hook("billing"), "owners": []string{"billing"}},
			{"name": "night", "url": hook("night"), "level": "error"},
			{"name": "dead", "url": "${secret:DEAD_WEBHOOK}", "owners": []string{"nobody"}},
		},
	}))
}

// channels tells people by several channels, and then by one that is dead as well.
func channels(s *stage, t *testing.T) {
	const message = "<say> \"when\"\nand {{ where }}"
	x := s.run(t, "teller", map[string]any{"message": message, "level": "WARN", "owner": "payments"})
	wantState(t, x, "SUCCESS")
	if states := x.States["notify"]; !slices.Equal(states, []string{"SUCCESS", "SUCCESS"}) {
		t.Errorf("notify ended %v, expected two SUCCESS; log:\n%s", states, x.Text())
	}
	wantText(t, "log", x.Text(), "WARN  notify/log "+message)
	link := strings.TrimSuffix(kestraURL, "/") + "/ui/main/executions/" + Namespace + "/teller/" + x.ID
	var slack struct{ Text string }
	must(t, json.Unmarshal([]byte(s.told(t, "everybody", 1)[0]), &slack))
	wantText(t, "text", slack.Text, "⚠️ &lt;say&gt; \"when\"\nand {{ where }}\nConnector: orders\nOwner: payments\n<"+link+"|Open the execution>")
	own := s.told(t, "payments", 1)[0]
	must(t, schemas.Check(schemas.Notice, []byte(own)))
	wantText(t, "document", own, `"level":"warn"`, `"link":"`+link+`"`)
	s.told(t, "billing", 0)
	s.told(t, "night", 0)

	x = s.run(t, "teller", map[string]any{"message": "down", "level": "ERROR", "owner": "nobody"})
	wantState(t, x, "SUCCESS")
	if states := slices.Sorted(slices.Values(x.States["notify"])); !slices.Equal(states, []string{"SUCCESS", "WARNING"}) {
		t.Errorf("notify ended %v, expected a WARNING where a channel is dead; log:\n%s", states, x.Text())
	}
	wantText(t, "log", x.Text(), "ERROR notify/channels 1 of 3 channels failed: dead: webhook at 127.0.0.1:9: no answer: ")
	s.told(t, "everybody", 2)
	s.told(t, "night", 1)
	s.told(t, "billing", 0)
}

// told returns all that a channel has heard so far.
func (s *stage) told(t *testing.T, channel string, want int) []string {
	t.Helper()
	heard := s.heard[channel].all()
	if len(heard) != want {
		t.Fatalf("%s has heard %q, expected %d notices", channel, heard, want)
	}
	return heard
}

// linkToExecution renders the expression that docs/kestra.md gives to authors of flows.
func linkToExecution(s *stage, t *testing.T) {
	x := s.run(t, "link", nil)
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), `"link":"http://kestra.example:8080/ui/main/executions/connect.ferry/link/`+x.ID+`"`)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestLinkIsDocumented holds the expression in docs/kestra.md to the one that is run.
func TestLinkIsDocumented(t *testing.T) {
	root, err := Root()
	must(t, err)
	docs, err := os.ReadFile(filepath.Join(root, "docs", "kestra.md"))
	must(t, err)
	flow, err := os.ReadFile("testdata/link/link.yaml")
	must(t, err)
	_, expression, found := strings.Cut(string(flow), "value: >-")
	if !found || !strings.Contains(oneLine(string(docs)), oneLine(expression)) {
		t.Errorf("docs/kestra.md lacks %s", expression)
	}
}
