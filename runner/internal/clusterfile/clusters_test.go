package clusterfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// planted is a secret that no message may hold, and no key may be taken for.
const planted = "pl@nted=secret:9"

func TestParse(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "pw"), planted+"\r\n")
	t.Setenv("FERRY_TEST_URL", "https://connect-2:8083")
	clusters, err := Parse(filepath.Join(folder, "clusters.yaml"), []byte(`
clusters:
  global:
    connect_url: [https://connect-1:8083, "${env:FERRY_TEST_URL}"]
    username: ferry
    password: ${file:pw}
    tls: &private {ca_file: ca.pem, cert_file: /abs/c.pem, key_file: k.pem, server_name: inner}
    kafka:
      bootstrap_servers: [kafka-1:9092, "[::1]:9092"]
      offset_storage_topic: connect-offsets
      status_storage_topic: connect-status
      config_storage_topic: connect-configs
      sasl: {mechanism: SCRAM-SHA-512, username: kafka, password: "pre-${file:pw}-post"}
      tls: *private
  europe:
    connect_url: http://europe:8083/connect
    headers: {x-team: "1.50", X-Literal: "$${env:X} $${a ${env:FERRY_TEST_URL}", X-Date: 2026-11-24, X-Hex: 0x1F}
  asia:
    connect_url: https://asia
    oauth: {token_url: https://login/token, client_id: ferry, client_secret: s3cret, scopes: [a, b]}
    kafka: {bootstrap_servers: [kafka:9093], tls: {}}
  africa: {connect_url: https://africa, bearer_token: t0ken}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got := clusters.Names(); !slices.Equal(got, []string{"africa", "asia", "europe", "global"}) {
		t.Errorf("names: %v", got)
	}
	for place, test := range map[string]struct{ got, want any }{
		"urls":         {get(t, clusters, "global").ConnectURLs, []string{"https://connect-1:8083", "https://connect-2:8083"}},
		"one url":      {get(t, clusters, "europe").ConnectURLs, []string{"http://europe:8083/connect"}},
		"password":     {get(t, clusters, "global").Password.Reveal(), planted},
		"sasl":         {get(t, clusters, "global").Kafka.SASL.Password.Reveal(), "pre-" + planted + "-post"},
		"servers":      {get(t, clusters, "global").Kafka.BootstrapServers, []string{"kafka-1:9092", "[::1]:9092"}},
		"status topic": {get(t, clusters, "global").Kafka.StatusTopic, "connect-status"},
		"ca":           {get(t, clusters, "global").TLS.CAFile, filepath.Join(folder, "ca.pem")},
		"cert":         {get(t, clusters, "global").Kafka.TLS.CertFile, "/abs/c.pem"},
		"header":       {get(t, clusters, "europe").Headers["X-Team"].Reveal(), "1.50"},
		"literal":      {get(t, clusters, "europe").Headers["X-Literal"].Reveal(), "${env:X} ${a https://connect-2:8083"},
		"date":         {get(t, clusters, "europe").Headers["X-Date"].Reveal(), "2026-11-24"},
		"hex":          {get(t, clusters, "europe").Headers["X-Hex"].Reveal(), "0x1F"},
		"no kafka":     {get(t, clusters, "europe").Kafka == nil, true},
		"no tls":       {get(t, clusters, "europe").TLS == nil, true},
		"scopes":       {get(t, clusters, "asia").OAuth.Scopes, []string{"a", "b"}},
		"empty tls":    {*get(t, clusters, "asia").Kafka.TLS, TLS{place: "clusters.asia.kafka.tls"}},
		"token":        {get(t, clusters, "africa").BearerToken.Reveal(), "t0ken"},
	} {
		if fmt.Sprint(test.got) != fmt.Sprint(test.want) {
			t.Errorf("%s:\n got %v\nwant %v", place, test.got, test.want)
		}
	}
}

func get(t *testing.T, clusters Clusters, name string) Cluster {
	t.Helper()
	cluster, err := clusters.Cluster(name)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestJSONKeepsItsText(t *testing.T) {
	clusters, err := Parse("c.json", []byte("{\n\t\"clusters\": {\"a\": {\"connect_url\": \"http:\\/\\/x\", \"headers\": {\"X-A\": \"\\ud83d\\ude00 \\u0041\"}}}}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, clusters, "a").Headers["X-A"].Reveal(); got != "😀 A" {
		t.Errorf("header %q", got)
	}
}

func TestUnknownCluster(t *testing.T) {
	clusters, err := Parse("c.yaml", []byte("clusters: {europe: {connect_url: http://x}, asia: {connect_url: http://y}}"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = clusters.Cluster("mars")
	if want := `cluster "mars" is not in c.yaml, which has asia, europe`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "c.yaml", "clusters: {a: {connect_url: '${file:url}'}}")
	write(t, "url", "http://x\n\n")
	clusters, err := Load("c.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, clusters, "a").ConnectURLs[0]; got != "http://x" {
		t.Errorf("url %q", got)
	}
	_, err = Load("none.yaml")
	if _, isInput := errors.AsType[*InputError](err); !isInput || err.Error() != "none.yaml: cannot be read: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	clusters, err := Parse("c.yaml", []byte(`clusters:
  a: {connect_url: http://x, username: u, password: "`+planted+`", headers: {Cookie: "`+planted+`"}}
  b: {connect_url: http://x, bearer_token: "`+planted+`", kafka: {bootstrap_servers: ["k:1"], sasl: {mechanism: PLAIN, username: u, password: "`+planted+`"}}}
  c: {connect_url: http://x, oauth: {token_url: http://t, client_id: c, client_secret: "`+planted+`"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := get(t, clusters, "a"), get(t, clusters, "b"), get(t, clusters, "c")
	text := fmt.Sprintf("%v %+v %#v", clusters, clusters, clusters) + fmt.Sprintf("%+v %#v", []Cluster{a, b, c}, []Cluster{a, b, c}) +
		fmt.Sprintf("%+v %+v %#v %#v", *c.OAuth, *b.Kafka.SASL, *c.OAuth, *b.Kafka.SASL)
	if strings.Contains(text, planted) {
		t.Errorf("printing shows the secret: %s", text)
	}
	if count := strings.Count(text, "***"); count < 7 {
		t.Errorf("printing shows %d masks only: %s", count, text)
	}
}

func TestSecrets(t *testing.T) {
	t.Setenv("FERRY_TEST_HEADER", "from-env")
	clusters, err := Parse("c.yaml", []byte(`clusters:
  a: {connect_url: http://x, username: user, password: password-a, headers: {X-Team: platform, X-Api-Key: key-a, X-From: "${env:FERRY_TEST_HEADER}"}}
  b: {connect_url: http://x, headers: {Authorization: Bearer token-b, X-Long: sixteen-or-more-b}}
  c: {connect_url: http://x, bearer_token: token-c, kafka: {bootstrap_servers: ["k:1"], sasl: {mechanism: PLAIN, username: user, password: password-c}}}
  d: {connect_url: http://x, oauth: {token_url: http://t, client_id: id-d, client_secret: secret-d}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, known := range clusters.Secrets() {
		got = append(got, known.Reveal())
	}
	slices.Sort(got)
	want := []string{"Bearer token-b", "from-env", "id-d:secret-d", "key-a", "password-a", "password-c", "secret-d", "sixteen-or-more-b", "token-b", "token-c", "user:password-a"}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	var mask secret.Mask
	mask.Add(clusters.Secrets()...)
	if text := mask.Text("Authorization: Basic dXNlcjpwYXNzd29yZC1h of platform"); text != "Authorization: Basic *** of platform" {
		t.Errorf("masked to %s", text)
	}
}
