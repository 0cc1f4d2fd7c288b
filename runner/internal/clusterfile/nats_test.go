package clusterfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// withNATS makes a document with these settings of NATS on line 2.
func withNATS(settings string) string {
	return "clusters: {a: {connect_url: http://x}}\nnats: {" + settings + "}"
}

func TestNATS(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "pw"), planted+"\n")
	parse := func(settings string) (Clusters, *NATS) {
		clusters, err := Parse(filepath.Join(folder, "c.yaml"), []byte(withNATS(settings)))
		if err != nil {
			t.Fatal(err)
		}
		return clusters, clusters.NATS()
	}
	_, plain := parse("url: nats://n:4222")
	if !slices.Equal(plain.URLs, []string{"nats://n:4222"}) || plain.Stream != "FERRY" || plain.Bucket != "ferry-leases" ||
		plain.SubjectPrefix != "ferry" || plain.LeaseTTL != 30*time.Second || !plain.Required || plain.TLS != nil {
		t.Errorf("defaults: %+v", plain)
	}
	clusters, full := parse("url: [tls://n1:4222, wss://n2], username: ferry, password: '${file:pw}', tls: {ca_file: ca.pem}, stream: moves, " +
		"bucket: locks, subject_prefix: ops.ferry, lease_ttl: 1m30s, required: false")
	if len(full.URLs) != 2 || full.Username != "ferry" || full.Password.Reveal() != planted || full.TLS.CAFile != filepath.Join(folder, "ca.pem") ||
		full.Stream != "moves" || full.Bucket != "locks" || full.SubjectPrefix != "ops.ferry" || full.LeaseTTL != 90*time.Second || full.Required {
		t.Errorf("read: %+v", full)
	}
	if secrets := clusters.Secrets(); len(secrets) != 1 || secrets[0].Reveal() != planted {
		t.Errorf("the mask learns %d secrets", len(secrets))
	}
	if text := fmt.Sprintf("%v %+v %#v", clusters, *full, *full); strings.Contains(text, planted) {
		t.Errorf("printing shows the secret: %s", text)
	}
	if _, creds := parse("url: nats://n, creds_file: ferry.creds"); creds.CredsFile != filepath.Join(folder, "ferry.creds") {
		t.Errorf("creds_file %q", creds.CredsFile)
	}
	without, err := Parse("c.yaml", []byte(one("headers: {}")))
	if err != nil || without.NATS() != nil {
		t.Errorf("without nats: %+v, %v", without.NATS(), err)
	}
}

func TestNATSRefuses(t *testing.T) {
	for settings, want := range map[string]string{
		"stream: x":                         "c.yaml:2:1: nats: missing url",
		"url: []":                           "c.yaml:2:8: nats.url: expected at least one entry, found none",
		"url: n:4222":                       "c.yaml:2:13: nats.url: expected a URL such as nats://nats-1:4222",
		"url: [nats://n, http://n]":         "c.yaml:2:24: nats.url.1: expected a URL such as nats://nats-1:4222",
		"url: 'nats://u:" + planted + "@n'": "c.yaml:2:13: nats.url: a URL with credentials ends up in logs, use username and password, token, nkey or creds_file",
		"url: nats://n, username: u":        "c.yaml:2:1: nats: username needs password beside it",
		"url: nats://n, token: '" + planted + "', nkey: SU": "c.yaml:2:1: nats: has nkey and token, expected one way to log in",
		"url: nats://n, stream: 'a.b'":                      "c.yaml:2:31: nats.stream: expected letters, digits, - and _",
		"url: nats://n, bucket: 'a b'":                      "c.yaml:2:31: nats.bucket: expected letters, digits, - and _",
		"url: nats://n, subject_prefix: 'ferry.>'":          "c.yaml:2:39: nats.subject_prefix: expected words of letters, digits, - and _, with dots between them",
		"url: nats://n, lease_ttl: 30":                      "c.yaml:2:34: nats.lease_ttl: expected text, found a number, put it in quotes",
		"url: nats://n, lease_ttl: 10ms":                    "c.yaml:2:34: nats.lease_ttl: expected a time from 1s to 1h, such as 30s",
		"url: nats://n, required: 'no'":                     "c.yaml:2:33: nats.required: expected true or false, found text",
		"url: nats://n, tls: {cert_file: c}":                "c.yaml:2:23: nats.tls: cert_file needs key_file beside it",
		"url: nats://n, pasword: '" + planted + "'":         "c.yaml:2:23: nats: unknown key 'pasword', did you mean password",
	} {
		_, err := Parse("c.yaml", []byte(withNATS(settings)))
		if err == nil || err.Error() != want || strings.Contains(err.Error(), planted) {
			t.Errorf("%s\n got %v\nwant %s", settings, err, want)
		}
	}
}
