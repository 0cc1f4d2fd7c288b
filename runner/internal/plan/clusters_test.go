package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const planted = "planted-secret-9"

func TestParse(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "pw"), []byte(planted+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FERRY_TEST_URL", "https://connect-2:8083")
	clusters, err := Parse(filepath.Join(folder, "clusters.yaml"), []byte(`
clusters:
  global:
    connect_url: [https://connect-1:8083, "${env:FERRY_TEST_URL}"]
    username: ferry
    password: ${file:pw}
    tls: {ca_file: ca.pem}
    kafka:
      bootstrap_servers: [kafka-1:9092]
      status_storage_topic: connect-status
  europe:
    connect_url: http://europe:8083
    headers: {X-Team: "1.50", X-Literal: "$${env:X}"}
`))
	if err != nil {
		t.Fatal(err)
	}
	global, err := clusters.Cluster("global")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(global.ConnectURLs, " "); got != "https://connect-1:8083 https://connect-2:8083" {
		t.Errorf("urls: %s", got)
	}
	if global.Password.Reveal() != planted || global.TLS.CAFile != filepath.Join(folder, "ca.pem") || global.Kafka.StatusTopic != "connect-status" {
		t.Errorf("global: %+v", global)
	}
	europe, err := clusters.Cluster("europe")
	if err != nil || europe.Headers["X-Team"].Reveal() != "1.50" || europe.Headers["X-Literal"].Reveal() != "${env:X}" || europe.Kafka != nil {
		t.Errorf("europe: %+v, %v", europe, err)
	}
	if text := fmt.Sprintf("%+v %#v", clusters, clusters); strings.Contains(text, planted) {
		t.Errorf("printing shows the secret: %s", text)
	}
	_, err = clusters.Cluster("asia")
	if err == nil || !strings.HasSuffix(err.Error(), "which has europe, global") {
		t.Errorf("unknown cluster: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ document, want string }{
		"empty":          {"", "c.yaml: is empty, expected the key clusters"},
		"no clusters":    {"{}", "c.yaml: (line 1): missing 'clusters'"},
		"unknown key":    {"clusters:\n  a:\n    connect-url: http://x\n", "c.yaml: clusters.a (line 2): missing 'connect_url'"},
		"misspelt key":   {"clusters:\n  a:\n    connect_url: http://x\n    pasword: " + planted, "c.yaml: clusters.a (line 2): unknown key 'pasword', did you mean password"},
		"unknown deep":   {"clusters:\n  a:\n    connect_url: http://x\n    kafka: {bootstrap_servers: [x], topic: y}", "c.yaml: clusters.a.kafka (line 4): unknown key 'topic'"},
		"wrong type":     {"clusters:\n  a:\n    connect_url: http://x\n    kafka: {bootstrap_servers: kafka:9092}", "c.yaml: clusters.a.kafka.bootstrap_servers (line 4): expected array, found string"},
		"number":         {"clusters:\n  a: {connect_url: http://x, username: u, password: 12345678}", "c.yaml: clusters.a.password (line 2): expected string, found number"},
		"twice":          {"clusters:\n  a: {connect_url: http://x}\n  a: {connect_url: http://y}", "c.yaml: clusters.a (line 3): the key appears twice"},
		"not yaml":       {"clusters:\n  a: [" + planted, "c.yaml: not valid YAML: look at line"},
		"two documents":  {"a: 1\n---\nb: 2", "c.yaml: holds more than one document, expected one"},
		"ftp":            {"clusters: {a: {connect_url: ftp://x}}", "c.yaml: clusters.a.connect_url (line 1): expected a URL such as https://connect-1:8083"},
		"userinfo":       {"clusters: {a: {connect_url: 'http://u:" + planted + "@x'}}", "c.yaml: clusters.a.connect_url (line 1): a URL with credentials ends up in logs, use username and password"},
		"two logins":     {"clusters: {a: {connect_url: http://x, username: u, password: " + planted + ", bearer_token: t}}", "c.yaml: clusters.a (line 1): give one of username, bearer_token and oauth, not several"},
		"half a login":   {"clusters: {a: {connect_url: http://x, username: u}}", "c.yaml: clusters.a (line 1): username and password go together"},
		"unset variable": {"clusters: {a: {connect_url: http://x, username: u, password: '${env:FERRY_UNSET}'}}", "c.yaml: clusters.a.password (line 1): environment variable FERRY_UNSET is not set"},
		"missing file":   {"clusters: {a: {connect_url: http://x, username: u, password: '${file:none}'}}", "c.yaml: clusters.a.password (line 1): file none: no such file or directory"},
		"kestra secret":  {"clusters: {a: {connect_url: http://x, username: u, password: '${secret:PW}'}}", "c.yaml: clusters.a.password (line 1): ${secret:PW} is resolved by the Kestra plugin only, use ${env:NAME} or ${file:PATH} here"},
		"odd reference":  {"clusters: {a: {connect_url: 'http://${host}'}}", "c.yaml: clusters.a.connect_url (line 1): expected ${env:NAME} or ${file:PATH}; write $${ for ${ itself"},
		"half a pair":    {"clusters: {a: {connect_url: http://x, tls: {cert_file: c.pem}}}", "c.yaml: clusters.a.tls (line 1): cert_file and key_file go together"},
		"self alias":     {"clusters: &a {x: *a}", "c.yaml: clusters.x.x"},
	} {
		_, err := Parse("c.yaml", []byte(test.document))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, test.want)
			continue
		}
		if _, isInput := errors.AsType[*InputError](err); !isInput || strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("clusters:\n  a: {connect_url: http://x, username: u, password: " + planted + "}\n")
	f.Add("clusters: &a {x: *a, y: !!binary " + planted + "}")
	f.Fuzz(func(t *testing.T, document string) {
		clusters, err := Parse("c.yaml", []byte(document))
		if err == nil && len(clusters.Names()) == 0 {
			t.Fatal("a document without clusters was accepted")
		}
		if strings.Contains(document, "password: "+planted) && err != nil && strings.Contains(err.Error(), planted) {
			t.Fatalf("the error shows the secret: %v", err)
		}
	})
}
