package trust_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
)

// TestAdvice causes each fault between the real ends of a connection.
func TestAdvice(t *testing.T) {
	authority, err := lab.NewAuthority(t.TempDir(), "known")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := lab.NewAuthority(t.TempDir(), "stranger")
	if err != nil {
		t.Fatal(err)
	}
	issue := func(from *lab.Authority, begins, ends time.Duration, hosts ...string) []tls.Certificate {
		t.Helper()
		issued, err := from.Issue("end", begins, ends, hosts...)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{issued.Pair}
	}
	good := issue(authority, -time.Hour, time.Hour)
	yesterday := time.Now().Add(-24 * time.Hour).UTC().Format(time.DateOnly)
	for name, test := range map[string]struct {
		server, client *tls.Config // server nil: plain text
		scheme         string
		want           string
	}{
		"all is well":         {&tls.Config{Certificates: good}, &tls.Config{RootCAs: authority.Pool()}, "https", ""},
		"unknown authority":   {&tls.Config{Certificates: good}, &tls.Config{RootCAs: stranger.Pool()}, "https", "name the PEM file of that authority as tls.ca_file"},
		"another host":        {&tls.Config{Certificates: issue(authority, -time.Hour, time.Hour, "inner")}, &tls.Config{RootCAs: authority.Pool()}, "https", "the server's certificate is not for 127.0.0.1, correct the address or name one that it is for as tls.server_name"},
		"another server_name": {&tls.Config{Certificates: good}, &tls.Config{RootCAs: authority.Pool(), ServerName: "outer"}, "https", "the server's certificate is not for outer"},
		"expired":             {&tls.Config{Certificates: issue(authority, -48*time.Hour, -24*time.Hour)}, &tls.Config{RootCAs: authority.Pool()}, "https", "the server's certificate expired on " + yesterday + ", renew it on the server"},
		"not yet":             {&tls.Config{Certificates: issue(authority, time.Hour, 2*time.Hour)}, &tls.Config{RootCAs: authority.Pool()}, "https", "the server's certificate is valid only from "},
		"no client's":         {&tls.Config{Certificates: good, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}, &tls.Config{RootCAs: authority.Pool()}, "https", "the server asks for a client certificate that it trusts, name one as tls.cert_file and tls.key_file"},
		"no client's, 1.2":    {&tls.Config{MaxVersion: tls.VersionTLS12, Certificates: good, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}, &tls.Config{RootCAs: authority.Pool()}, "https", "the server ended the handshake"},
		"a stranger's":        {&tls.Config{Certificates: good, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}, &tls.Config{RootCAs: authority.Pool(), GetClientCertificate: whatever(issue(stranger, -time.Hour, time.Hour))}, "https", "the server does not trust the client certificate"},
		"no common version":   {&tls.Config{Certificates: good, MinVersion: tls.VersionTLS13}, &tls.Config{RootCAs: authority.Pool(), MaxVersion: tls.VersionTLS12}, "https", "the server ended the handshake, compare the versions"},
		"http to https":       {nil, &tls.Config{}, "http", "the server speaks TLS, correct the URL to https"},
		"https to http":       {nil, &tls.Config{RootCAs: authority.Pool()}, "https", "the server does not speak TLS, correct the URL to http"},
	} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, test.server)
			if name == "http to https" {
				address = alert(t)
			}
			err := ask(t, test.scheme+"://"+address, test.client)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			if got := trust.Advice(err); !strings.Contains(got, test.want) || !trust.Permanent(err) {
				t.Errorf("%v\n got %q\nwant %q", err, got, test.want)
			}
		})
	}
}

func whatever(certificates []tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificates[0], nil }
}

func serve(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = config
	if config != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// alert answers a request without TLS by an alert, as servers in Java do; Go's answer
// with a page that says what is wrong.
func alert(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		if connection, err := listener.Accept(); err == nil {
			_, _ = connection.Read(make([]byte, 1024))
			_, _ = connection.Write([]byte{0x15, 3, 3, 0, 2, 2, 80})
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

func ask(t *testing.T, url string, config *tls.Config) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: config}}).Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

func TestNoAdvice(t *testing.T) {
	for _, err := range []error{errors.New("refused"), &net.OpError{Op: "dial", Err: errors.New("connection refused")}, fmt.Errorf("EOF")} {
		if advice := trust.Advice(err); advice != "" || trust.Permanent(err) {
			t.Errorf("%v: %q", err, advice)
		}
	}
	if advice := trust.Advice(x509.CertificateInvalidError{Reason: x509.Expired}); advice != "" {
		t.Errorf("advice on nothing: %q", advice)
	}
}
