package clusterfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue returns a self-signed certificate that is valid for the given times from
// now, and its key, as PEM.
func issue(t *testing.T, from, until time.Duration) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ferry"}, DNSNames: []string{"inner"},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until), IsCA: true, BasicConstraintsValid: true,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}))
}

// folderOfCertificates writes every kind of file that Config may be given.
func folderOfCertificates(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	good, key := issue(t, -time.Hour, time.Hour)
	old, oldKey := issue(t, -2*time.Hour, -time.Hour)
	future, futureKey := issue(t, 24*time.Hour, 48*time.Hour)
	for name, content := range map[string]string{
		"ca.pem": good, "c.pem": good, "k.pem": key, "other.pem": oldKey,
		"old.pem": old, "old-k.pem": oldKey, "mixed.pem": old + good, "future.pem": future, "future-k.pem": futureKey,
		"text.pem":      "hunter2",
		"broken.pem":    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hunter2")})),
		"broken-k.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")})),
		"locked.pem":    string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("hunter2")})),
		"old-style.pem": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("hunter2")})),
	} {
		write(t, filepath.Join(folder, name), content)
	}
	return folder
}

func TestConfig(t *testing.T) {
	t.Chdir(folderOfCertificates(t))
	clusters, err := Parse("c.yaml", []byte(one("tls: {ca_file: mixed.pem, cert_file: c.pem, key_file: k.pem, server_name: inner}")))
	if err != nil {
		t.Fatal(err)
	}
	config, err := get(t, clusters, "a").TLS.Config()
	if err != nil {
		t.Fatal(err)
	}
	if config.MinVersion != tls.VersionTLS12 || config.ServerName != "inner" || len(config.Certificates) != 1 || config.InsecureSkipVerify {
		t.Errorf("got %+v", config)
	}
	pair, err := tls.LoadX509KeyPair("c.pem", "k.pem")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Client", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.Header.Get("X-Client") != "ferry" {
		t.Error("the server saw no client certificate")
	}
}

func TestConfigOfNothing(t *testing.T) {
	for _, settings := range []*TLS{nil, {}} {
		config, err := settings.Config()
		if err != nil || config.RootCAs != nil || config.Certificates != nil || config.MinVersion != tls.VersionTLS12 {
			t.Errorf("got %+v, %v", config, err)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Chdir(folderOfCertificates(t))
	yesterday := time.Now().UTC().Add(-time.Hour).Format(time.DateOnly)
	tomorrow := time.Now().UTC().Add(24 * time.Hour).Format(time.DateOnly)
	for settings, want := range map[string]string{
		"ca_file: none.pem":                             "clusters.a.tls.ca_file: none.pem: no such file or directory",
		"ca_file: text.pem":                             "clusters.a.tls.ca_file: text.pem: holds no certificate, expected PEM with BEGIN CERTIFICATE",
		"ca_file: k.pem":                                "clusters.a.tls.ca_file: k.pem: holds no certificate, expected PEM with BEGIN CERTIFICATE",
		"ca_file: broken.pem":                           "clusters.a.tls.ca_file: broken.pem: certificate 1 cannot be read",
		"ca_file: old.pem":                              "clusters.a.tls.ca_file: old.pem: the certificate expired on " + yesterday,
		"cert_file: none.pem, key_file: k.pem":          "clusters.a.tls.cert_file: none.pem: no such file or directory",
		"cert_file: text.pem, key_file: k.pem":          "clusters.a.tls.cert_file: text.pem: holds no certificate, expected PEM with BEGIN CERTIFICATE",
		"cert_file: old.pem, key_file: old-k.pem":       "clusters.a.tls.cert_file: old.pem: the certificate expired on " + yesterday,
		"cert_file: future.pem, key_file: future-k.pem": "clusters.a.tls.cert_file: future.pem: the certificate is not valid yet, only from " + tomorrow,
		"cert_file: c.pem, key_file: none.pem":          "clusters.a.tls.key_file: none.pem: no such file or directory",
		"cert_file: c.pem, key_file: text.pem":          "clusters.a.tls.key_file: text.pem: holds no private key, expected PEM with BEGIN PRIVATE KEY",
		"cert_file: c.pem, key_file: c.pem":             "clusters.a.tls.key_file: c.pem: holds no private key, expected PEM with BEGIN PRIVATE KEY",
		"cert_file: c.pem, key_file: other.pem":         "clusters.a.tls.key_file: other.pem: the key does not belong to the certificate",
		"cert_file: c.pem, key_file: broken-k.pem":      "clusters.a.tls.key_file: broken-k.pem: the key cannot be read",
		"cert_file: c.pem, key_file: locked.pem":        "clusters.a.tls.key_file: locked.pem: the key is encrypted, expected one without a passphrase",
		"cert_file: c.pem, key_file: old-style.pem":     "clusters.a.tls.key_file: old-style.pem: the key is encrypted, expected one without a passphrase",
	} {
		clusters, err := Parse("c.yaml", []byte(one("tls: {"+settings+"}")))
		if err != nil {
			t.Fatal(err)
		}
		_, err = get(t, clusters, "a").TLS.Config()
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n got %v\nwant %s", settings, err, want)
		}
	}
}

func TestConfigForOthers(t *testing.T) {
	t.Chdir(folderOfCertificates(t))
	settings := &TLS{CAFile: "ca.pem", CertFile: "c.pem", KeyFile: "k.pem", ServerName: "inner"}
	own, err := settings.Config()
	if err != nil {
		t.Fatal(err)
	}
	others, err := settings.ConfigForOthers()
	if err != nil {
		t.Fatal(err)
	}
	if others.ServerName != "" || own.ServerName != "inner" {
		t.Errorf("expects %q of others and %q of its own", others.ServerName, own.ServerName)
	}
	if others.RootCAs.Equal(own.RootCAs) {
		t.Error("trusts the private authority alone, which vouches for no public authorization server")
	}
	system, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	if others.RootCAs.Equal(system) {
		t.Error("does not trust the private authority")
	}
	for _, none := range []*TLS{nil, {}} {
		if config, err := none.ConfigForOthers(); err != nil || config.RootCAs != nil {
			t.Errorf("got %+v, %v", config, err)
		}
	}
	if _, err := (&TLS{CAFile: "none.pem"}).ConfigForOthers(); err == nil {
		t.Error("a missing file is no error")
	}
}
