package history_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// certificate returns one for the loopback address, signed by itself.
func certificate() (tls.Certificate, *x509.CertPool) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	encoded := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(encoded)))
	return tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key}, pool
}

// operator sets a server up that knows its users by JWT, and returns the
// credentials file of one of them.
func operator(t *testing.T, options *server.Options) string {
	t.Helper()
	seed := func(pair nkeys.KeyPair) []byte { return must(pair.Seed()) }
	boss, account, user := must(nkeys.CreateOperator()), must(nkeys.CreateAccount()), must(nkeys.CreateUser())
	system := must(nkeys.CreateAccount())
	claims := jwt.NewAccountClaims(must(account.PublicKey()))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	resolver := &server.MemAccResolver{}
	for name, encoded := range map[string]string{
		must(account.PublicKey()): must(claims.Encode(boss)),
		must(system.PublicKey()):  must(jwt.NewAccountClaims(must(system.PublicKey())).Encode(boss)),
	} {
		if err := resolver.Store(name, encoded); err != nil {
			t.Fatal(err)
		}
	}
	options.TrustedOperators = []*jwt.OperatorClaims{must(jwt.DecodeOperatorClaims(must(jwt.NewOperatorClaims(must(boss.PublicKey())).Encode(boss))))}
	options.AccountResolver = resolver
	options.SystemAccount = must(system.PublicKey())
	file := filepath.Join(t.TempDir(), "ferry.creds")
	content := must(jwt.FormatUserConfig(must(jwt.NewUserClaims(must(user.PublicKey())).Encode(account)), seed(user)))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLogins opens the stream and the bucket with each kind of login, and checks the
// message for a wrong one.
func TestLogins(t *testing.T) {
	user := must(nkeys.CreateUser())
	pair, pool := certificate()
	secure := func(o *server.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		o.TLS = true
	}
	var creds string
	for name, test := range map[string]struct {
		server    func(*server.Options)
		login     func(*natsstore.Options)
		wrong     func(*natsstore.Options)
		wrongSays string
	}{
		"none": {},
		"password": {
			func(o *server.Options) { o.Username, o.Password = "ferry", "planted-password" },
			func(o *natsstore.Options) { o.Username, o.Password = "ferry", secret.New("planted-password") },
			func(o *natsstore.Options) { o.Username, o.Password = "ferry", secret.New("planted-wrong") }, "correct how it is logged in to",
		},
		"token": {
			func(o *server.Options) { o.Authorization = "planted-token" },
			func(o *natsstore.Options) { o.Token = secret.New("planted-token") },
			func(*natsstore.Options) {}, "correct how it is logged in to",
		},
		"nkey": {
			func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: must(user.PublicKey())}} },
			func(o *natsstore.Options) { o.Nkey = secret.New(string(must(user.Seed()))) },
			func(o *natsstore.Options) { o.Nkey = secret.New("planted") }, "nats.nkey is not the seed of a user, expected one that begins with SU",
		},
		"creds": {
			func(o *server.Options) { creds = operator(t, o) },
			func(o *natsstore.Options) { o.CredsFile = creds },
			func(o *natsstore.Options) { o.CredsFile = "none.creds" }, "none.creds",
		},
		"TLS": {
			secure,
			func(o *natsstore.Options) { o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} },
			func(o *natsstore.Options) { o.TLS = &tls.Config{MinVersion: tls.VersionTLS12} }, "name the PEM file of that authority as tls.ca_file",
		},
		"TLS and password": {
			func(o *server.Options) { secure(o); o.Username, o.Password = "ferry", "planted-password" },
			func(o *natsstore.Options) {
				o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
				o.Username, o.Password = "ferry", secret.New("planted-password")
			},
			func(o *natsstore.Options) { o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} }, "correct how it is logged in to",
		},
		"plain server": {
			nil, nil, func(o *natsstore.Options) { o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12} }, "go without the section nats.tls",
		},
		"no JetStream": {
			func(o *server.Options) { o.JetStream = false }, func(o *natsstore.Options) { o.Stream = "" },
			func(*natsstore.Options) {}, "start its servers with JetStream",
		},
	} {
		t.Run(name, func(t *testing.T) {
			running, err := natstest.Start(t.TempDir(), test.server)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(running.Stop)
			options := optionsFor(running.URL(), time.Second)
			if test.login != nil {
				test.login(&options)
			}
			if options.Stream != "" {
				for range 2 { // what is there is used as it is
					store, err := natsstore.Open(t.Context(), options)
					if err != nil {
						t.Fatal(err)
					}
					store.Close()
				}
			}
			if test.wrong == nil {
				return
			}
			options = optionsFor(running.URL(), time.Second)
			test.wrong(&options)
			_, err = natsstore.Open(t.Context(), options)
			if err == nil || !strings.Contains(err.Error(), test.wrongSays) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "\n") {
				t.Errorf("says %v", err)
			}
		})
	}
}

// TestUnsuitable has streams and buckets that exist but cannot be used.
func TestUnsuitable(t *testing.T) {
	running := startServer(t)
	connection := must(nats.Connect(running.URL()))
	defer connection.Close()
	js := must(jetstream.New(connection))
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other.>"}}))
	must(js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "hasty", TTL: time.Second}))
	options := optionsFor(running.URL(), time.Second)
	options.Stream = "OTHER"
	if _, err := natsstore.Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), "does not take the subjects ferry.>") {
		t.Errorf("stream: %v", err)
	}
	options = optionsFor(running.URL(), time.Second)
	options.Bucket = "hasty"
	if _, err := natsstore.Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), "forgets its keys after 1s") {
		t.Errorf("bucket: %v", err)
	}
	options.Stream = "NONE"
	if _, err := natsstore.OpenToRead(t.Context(), options); err == nil || !strings.Contains(err.Error(), "has no stream NONE") {
		t.Errorf("history: %v", err)
	}
	stream := must(js.Stream(t.Context(), "FERRY")).CachedInfo().Config
	if stream.MaxAge != 366*24*time.Hour || stream.MaxBytes != 256<<20 || stream.Discard != jetstream.DiscardOld {
		t.Errorf("docs/nats.md has other limits than %+v", stream)
	}
}

// TestServerRestarts stops the server when the connector is stopped, and starts it
// again when it runs: the move goes on, and every event arrives.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	running := startServer(t)
	s := newStage(t, "orders")
	ferry := newRun(t, running.URL(), "anna", 30*time.Second)
	ferry.Events = event.Tee{ferry.Events, recorderFunc(func(happened event.Event) {
		started, ok := happened.(event.StepStarted)
		switch {
		case ok && started.Step == "copy":
			running.Stop()
		case ok && started.Step == "watch":
			if err := running.Restart(); err != nil {
				t.Error(err)
			}
		}
	})}
	result := ferry.Move(t.Context(), s.request(&line{}))
	left := ferry.publisher.Close()
	if result.Outcome != event.Moved || len(left) > 0 {
		t.Fatalf("%s: %s, %d events left", result.Outcome, result.Message, len(left))
	}
	told := stories(t, running.URL(), "orders")
	if len(told) != 1 || strings.Join(steps(told[0]), " ") != strings.Join(whole, " ") || told[0].Outcome != "moved" {
		t.Errorf("history: %+v", told)
	}
	s.exact()
}

type recorderFunc func(event.Event)

func (f recorderFunc) Emit(happened event.Event) { f(happened) }

// TestServerStaysAway stops the server after the connector was stopped: the move
// continues, the operator is warned, and the events are returned.
func TestServerStaysAway(t *testing.T) {
	t.Parallel()
	running := startServer(t)
	s := newStage(t, "orders")
	ferry := newRun(t, running.URL(), "anna", 30*time.Second)
	ferry.Events = event.Tee{ferry.Events, recorderFunc(func(happened event.Event) {
		if started, ok := happened.(event.StepStarted); ok && started.Step == "copy" {
			running.Stop()
		}
	})}
	result := ferry.Move(t.Context(), s.request(&line{}))
	if result.Outcome != event.Moved {
		t.Fatalf("%s: %s", result.Outcome, result.Message)
	}
	expectLeft(t, ferry, "copy interlock start watch moved")
	s.exact()
}

// TestFullStream has a stream that takes nothing more.
func TestFullStream(t *testing.T) {
	t.Parallel()
	running := startServer(t)
	connection := must(nats.Connect(running.URL()))
	defer connection.Close()
	js := must(jetstream.New(connection))
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "FERRY", Subjects: []string{"ferry.>"}, MaxMsgs: 3, Discard: jetstream.DiscardNew}))
	s := newStage(t, "orders")
	ferry := newRun(t, running.URL(), "anna", 30*time.Second)
	if result := ferry.Move(t.Context(), s.request(&line{})); result.Outcome != event.Moved {
		t.Fatalf("%s: %s", result.Outcome, result.Message)
	}
	expectLeft(t, ferry, "quiesce prove copy interlock start watch moved")
	if told := strings.Join(ferry.notes.texts, "\n"); !strings.Contains(told, "maximum messages exceeded") {
		t.Errorf("the operator is told %q", told)
	}
}

func expectLeft(t *testing.T, ferry *run, want string) {
	t.Helper()
	var left []string
	for _, document := range ferry.publisher.Close() {
		if err := schemas.Check(schemas.Event, document); err != nil {
			t.Error(err)
		}
		var read history.Event
		if err := json.Unmarshal(document, &read); err != nil {
			t.Fatal(err)
		}
		left = append(left, read.Data.Event)
	}
	// What was in flight when the server stopped may have arrived or not.
	if got := strings.Join(left, " "); !strings.HasSuffix(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	if told := strings.Join(ferry.notes.texts, "\n"); strings.Count(told, "WARN events are kept until NATS takes them") != 1 {
		t.Errorf("the operator is told %q", told)
	}
}
