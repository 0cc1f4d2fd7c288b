package secure

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

// refusal is one thing that is wrong with one of the clusters.
type refusal struct {
	global, europe settings // what is changed of their settings
	code           int
	where, why     string // both must be in the message
}

// TestRefused tries a move with one thing wrong at a time: it ends at once, says
// what and where and what to do, and the origin never noticed.
func TestRefused(t *testing.T) {
	s := newStage(t)
	connector := labtest.Name(t)
	s.run(t, connector)
	stranger, err := lab.NewAuthority(t.TempDir(), "stranger")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := stranger.Issue("their-operator", -time.Hour, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expired := s.issue("expired", -48*time.Hour, -24*time.Hour)
	yesterday := time.Now().UTC().Add(-24 * time.Hour).Format(time.DateOnly)
	behind := func(certificate lab.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{certificate.Pair}, MinVersion: tls.VersionTLS12}
	}
	workers, brokers := s.Connect("europe").URLs()[0], s.Kafka("central")
	expiredFront := front(t, s.Connect("europe"), behind(expired), anyone)
	innerFront := front(t, s.Connect("europe"), behind(s.issue("inner", -time.Hour, time.Hour, "inner.example")), anyone)
	plainFront := front(t, s.Connect("europe"), nil, anyone)
	tokenFront := front(t, s.Connect("europe"), behind(s.issue("front", -time.Hour, time.Hour)), bearing("Authorization", "Bearer another"))
	noLogin := settings{"username": "", "password": ""}
	noClientCertificate := settings{"tls.cert_file": "", "tls.key_file": ""}

	refusals := map[string]refusal{
		// REST.
		"wrong password":             {europe: settings{"password": s.plants.New("wrong password")}, code: 1, where: workers, why: "401 Unauthorized"},
		"wrong user":                 {europe: settings{"username": "nobody"}, code: 1, where: workers, why: "correct how this cluster is logged in to"},
		"no login":                   {europe: noLogin, code: 1, where: workers, why: "401 Unauthorized"},
		"wrong token":                {europe: noLogin.with(settings{"connect_url": tokenFront, "bearer_token": s.plants.New("wrong token")}), code: 1, where: tokenFront, why: "401 Unauthorized"},
		"wrong header":               {europe: noLogin.with(settings{"connect_url": tokenFront, "headers.Authorization": "Bearer " + s.plants.New("wrong header")}), code: 1, where: tokenFront, why: "401 Unauthorized"},
		"no client certificate":      {global: noClientCertificate, code: 1, where: s.Connect("global").URLs()[0], why: "the server asks for a client certificate that it trusts, name one as tls.cert_file and tls.key_file"},
		"a stranger's certificate":   {global: settings{"tls.cert_file": theirs.CertFile, "tls.key_file": theirs.KeyFile}, code: 1, where: s.Connect("global").URLs()[0], why: "the server asks for a client certificate that it trusts"},
		"expired client certificate": {global: settings{"tls.cert_file": expired.CertFile, "tls.key_file": expired.KeyFile}, code: 2, where: "cluster global: clusters.global.tls.cert_file", why: "the certificate expired on " + yesterday},
		"expired server certificate": {europe: settings{"connect_url": expiredFront}, code: 1, where: expiredFront, why: "the server's certificate expired on " + yesterday + ", renew it on the server"},
		"wrong host":                 {europe: settings{"connect_url": innerFront}, code: 1, where: innerFront, why: "the server's certificate is not for 127.0.0.1, correct the address or name one that it is for as tls.server_name"},
		"wrong server_name":          {europe: settings{"tls.server_name": "outer.example"}, code: 1, where: workers, why: "the server's certificate is not for outer.example"},
		"unknown authority":          {europe: settings{"tls.ca_file": stranger.File}, code: 1, where: workers, why: "name the PEM file of that authority as tls.ca_file"},
		"system's authorities":       {europe: settings{"tls.ca_file": ""}, code: 1, where: workers, why: "name the PEM file of that authority as tls.ca_file"},
		"http to https":              {europe: settings{"connect_url": strings.Replace(workers, "https:", "http:", 1)}, code: 1, where: strings.Replace(workers, "https:", "http:", 1), why: "the server speaks TLS, correct the URL to https"},
		"https to http":              {europe: settings{"connect_url": strings.Replace(plainFront, "http:", "https:", 1)}, code: 1, where: "https:", why: "the server does not speak TLS, correct the URL to http"},

		// Kafka, of the origin and of the target.
		"wrong SCRAM password":        {global: settings{"kafka.sasl.password": s.plants.New("wrong kafka password")}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "the broker does not accept the user and password of kafka.sasl"},
		"unknown SCRAM user":          {global: settings{"kafka.sasl.username": "nobody"}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "the broker does not accept the user and password of kafka.sasl"},
		"another mechanism":           {global: settings{"kafka.sasl.mechanism": "PLAIN"}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "the broker does not offer the mechanism of kafka.sasl"},
		"no SASL":                     {global: settings{"kafka.sasl.mechanism": "", "kafka.sasl.username": "", "kafka.sasl.password": ""}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "compare kafka"},
		"no TLS to Kafka":             {global: settings{"kafka.tls.ca_file": ""}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "compare kafka.tls"},
		"TLS to a plain Kafka":        {global: settings{"kafka.bootstrap_servers": brokers.Bootstrap()}, code: 1, where: "cluster global: kafka " + brokers.Bootstrap(), why: "kafka"},
		"Kafka's unknown authority":   {global: settings{"kafka.tls.ca_file": stranger.File}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "name the PEM file of that authority as tls.ca_file"},
		"Kafka's wrong name":          {global: settings{"kafka.tls.server_name": "outer.example"}, code: 1, where: "cluster global: kafka " + brokers.SASLBootstrap(), why: "the server's certificate is not for outer.example"},
		"no certificate for Kafka":    {europe: settings{"kafka.tls.cert_file": "", "kafka.tls.key_file": ""}, code: 1, where: "cluster europe: kafka " + brokers.MutualBootstrap(), why: "the server asks for a client certificate that it trusts, name one as tls.cert_file and tls.key_file"},
		"a stranger's, for Kafka":     {europe: settings{"kafka.tls.cert_file": theirs.CertFile, "kafka.tls.key_file": theirs.KeyFile}, code: 1, where: "cluster europe: kafka " + brokers.MutualBootstrap(), why: "the server asks for a client certificate that it trusts"},
		"expired one for Kafka":       {europe: settings{"kafka.tls.cert_file": expired.CertFile, "kafka.tls.key_file": expired.KeyFile}, code: 2, where: "cluster europe: kafka: clusters.europe.kafka.tls.cert_file", why: "the certificate expired on " + yesterday},
		"Kafka's expired certificate": {europe: settings{"kafka.bootstrap_servers": tlsOnly(t, behind(expired))}, code: 1, where: "cluster europe: kafka ", why: "the server's certificate expired on " + yesterday},
	}
	for name, answers := range map[string]struct {
		handler http.HandlerFunc
		why     string
	}{
		"401":      {newIssuer(s.plants, time.Minute, "60").serve, "401 Unauthorized, invalid_client; correct oauth.client_id, client_secret and scopes"},
		"500":      {saying(http.StatusInternalServerError, "stack trace"), "500 Internal Server Error; the authorization server has a fault of its own"},
		"no JSON":  {saying(http.StatusOK, "<html>log in here</html>"), "its answer is no token in JSON; correct oauth.token_url"},
		"no token": {saying(http.StatusOK, `{"token":"x"}`), "its answer is no token in JSON; correct oauth.token_url"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, "a redirect, which is not followed; correct oauth.token_url"},
	} {
		endpoint := serve(t, behind(s.issue("issuer", -time.Hour, time.Hour)), answers.handler) + "/token"
		refusals["OAuth: "+name] = refusal{europe: noLogin.with(settings{
			"oauth.token_url": endpoint, "oauth.client_id": "ferry", "oauth.client_secret": s.plants.New("client secret, " + name),
		}), code: 1, where: "no token from " + endpoint, why: answers.why}
	}
	strangers := serve(t, behind(theirs), newIssuer(s.plants, time.Minute, "60").serve)
	refusals["OAuth: unknown authority"] = refusal{europe: noLogin.with(settings{
		"oauth.token_url": strangers, "oauth.client_id": "ferry", "oauth.client_secret": s.plants.New("client secret, authority"),
	}), code: 1, where: "no token from " + strangers, why: "name the PEM file of that authority as tls.ca_file"}

	formats := []string{"text", "json", "kestra"}
	number := 0
	for name, refusal := range refusals {
		format := formats[number%len(formats)]
		number++
		t.Run(name, func(t *testing.T) {
			got := s.ferry(t, s.global().with(refusal.global), s.europe().with(refusal.europe), format, moving("move", connector)...)
			message := got.Result.Message
			for _, one := range got.Result.Connectors {
				if message = one.Message; one.Changed {
					t.Error("something was changed")
				}
			}
			t.Logf("exit code %d after %s: %s", got.Code, got.Took.Round(time.Millisecond), message)
			if got.Code != refusal.code || !strings.Contains(message, refusal.where) || !strings.Contains(message, refusal.why) {
				t.Errorf("want exit code %d and a message with %q and %q", refusal.code, refusal.where, refusal.why)
			}
			if got.Took > 15*time.Second {
				t.Errorf("only after %s", got.Took)
			}
		})
	}
	status, err := s.Connect("global").Client().Status(t.Context(), connector)
	if err != nil || !status.AllTasks(connect.Running) {
		t.Errorf("origin: %+v, %v", status, err)
	}
	if _, err := s.Connect("europe").Client().Status(t.Context(), connector); !connect.IsNotFound(err) {
		t.Errorf("target: %v", err)
	}
	s.exact(t, connector)
}

func saying(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, text, " ", r.Header)
	}
}

// tlsOnly is a server that gets as far as the handshake.
func tlsOnly(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = tls.Server(connection, config).HandshakeContext(t.Context())
				_ = connection.Close()
			}()
		}
	}()
	return listener.Addr().String()
}
