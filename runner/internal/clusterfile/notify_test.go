package clusterfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// withChannel makes a document with NATS and one channel, on line 3.
func withChannel(settings string) string {
	return withNATS("url: nats://n") + "\nnotify: [{" + settings + "}]"
}

func TestChannels(t *testing.T) {
	t.Setenv("FERRY_TEST_HOOK", "https://hooks.example/services/"+planted+"?k=v")
	clusters, err := Parse("/etc/ferry/c.yaml", []byte(withNATS("url: nats://n")+`
notify:
- {name: all, url: "${env:FERRY_TEST_HOOK}"}
- {name: night, url: https://x/y, format: teams, tls: {ca_file: ca.pem}, owners: [a, b], level: error}
- {name: bus, subject: notices.ferry}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := clusters.Channels()
	if len(all) != 3 {
		t.Fatalf("%d channels", len(all))
	}
	if got := all[0].URL.Reveal(); got != "https://hooks.example/services/"+planted+"?k=v" || all[0].Format != "auto" || all[0].Level != "info" || all[0].Owners != nil {
		t.Errorf("first: %s, %+v", got, all[0])
	}
	if got := all[1]; got.Format != "teams" || got.TLS.CAFile != "/etc/ferry/ca.pem" || !reflect.DeepEqual(got.Owners, []string{"a", "b"}) || got.Level != "error" {
		t.Errorf("second: %+v", got)
	}
	if got := all[2]; got.Subject != "notices.ferry" || !got.URL.IsZero() {
		t.Errorf("third: %+v", got)
	}
	var secrets []string
	for _, one := range clusters.Secrets() {
		secrets = append(secrets, one.Reveal())
	}
	if !slices.Contains(secrets, "/services/"+planted+"?k=v") || !slices.Contains(secrets, "https://x/y") || slices.Contains(secrets, "/y") {
		t.Errorf("the mask learns %q", secrets)
	}
	if text := fmt.Sprintf("%v %+v %#v", clusters, all, all); strings.Contains(text, planted) {
		t.Errorf("printing shows the secret: %s", text)
	}
	without, err := Parse("c.yaml", []byte(one("headers: {}")+"\nnotify: []"))
	if err != nil || len(without.Channels()) != 0 {
		t.Errorf("without channels: %v, %v", without.Channels(), err)
	}
}

func TestChannelsRefuse(t *testing.T) {
	for settings, want := range map[string]string{
		"url: http://x":                                    "c.yaml:3:10: notify.0: missing name",
		"name: a":                                          "c.yaml:3:10: notify.0: expected either url (a webhook) or subject (NATS)",
		"name: a, url: http://x, subject: b":               "c.yaml:3:10: notify.0: expected either url (a webhook) or subject (NATS)",
		"name: a, url: " + planted:                         "c.yaml:3:25: notify.0.url: expected a URL such as https://hooks.slack.com/services/...",
		"name: a, url: 'http://x/%zz" + planted + "'":      "c.yaml:3:25: notify.0.url: expected a URL such as https://hooks.slack.com/services/...",
		"name: a, url: 'ftp://x/" + planted + "'":          "c.yaml:3:25: notify.0.url: expected a URL such as https://hooks.slack.com/services/...",
		"name: a, url: http://x, format: mail":             "c.yaml:3:43: notify.0.format: expected one of auto, slack, teams, json",
		"name: a, url: http://x, level: loud":              "c.yaml:3:42: notify.0.level: expected one of info, warn, error",
		"name: a, url: http://x, owners: []":               "c.yaml:3:35: notify.0.owners: expected at least one entry, found none",
		"name: a, url: http://x, owner: b":                 "c.yaml:3:35: notify.0: unknown key 'owner', did you mean owners",
		"name: a, subject: b, format: json":                "c.yaml:3:10: notify.0: format needs url beside it",
		"name: a, subject: 'b.>'":                          "c.yaml:3:29: notify.0.subject: expected words of letters, digits, - and _, with dots between them",
		"name: a, subject: ferry.notices":                  "c.yaml:3:29: notify.0.subject: subjects below nats.subject_prefix are those of the history, choose another such as notices.ferry",
		"name: a, url: http://x}, {name: a, url: http://y": "c.yaml:3:43: notify.1.name: another channel has this name",
	} {
		_, err := Parse("c.yaml", []byte(withChannel(settings)))
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", settings, err, want)
		}
	}
	_, err := Parse("c.yaml", []byte(one("headers: {}")+"\nnotify: [{name: a, subject: b}]"))
	if want := "c.yaml:2:29: notify.0.subject: a subject needs the section nats, which says where NATS is"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
