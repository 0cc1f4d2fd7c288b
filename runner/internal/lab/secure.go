package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// Guard says how the REST API of a Connect cluster is guarded. With a Guard it
// speaks HTTPS, with a certificate of [Lab.Authority].
type Guard struct {
	ClientCertificate bool              // asks for one of the same authority
	Users             map[string]string // passwords of HTTP basic authentication; nil for none
}

// lifetime is how long certificates of the lab's own servers are valid, before
// and after now.
const lifetime = 12 * time.Hour

// Authority returns the authority that the lab's guarded servers trust and are
// certified by. It panics if nothing in the lab is guarded.
func (l *Lab) Authority() *Authority {
	if l.authority == nil {
		panic("lab: no cluster has a Guard or Users, so there is no authority")
	}
	return l.authority
}

// certify makes the authority, once, and a certificate of it.
func (l *Lab) certify(name string) (Certificate, error) {
	if l.authority == nil {
		authority, err := NewAuthority(filepath.Join(l.dir, "certificates"), "authority")
		if err != nil {
			return Certificate{}, err
		}
		l.authority = authority
	}
	return l.authority.Issue(name, -lifetime, lifetime)
}

// guard is what a guarded worker needs.
type guard struct {
	properties map[string]string
	jvmFlags   []string
	classPath  string // what to add to the worker's

	tls      *tls.Config // as the lab itself asks
	user     string
	password string
}

// jettyTLS are the settings of a REST API over TLS. Jetty does not know Kafka's
// PEM stores.
func jettyTLS(own Certificate, authority *Authority, clientCertificate bool) map[string]string {
	properties := map[string]string{
		"listeners.https.ssl.keystore.location":   own.KeyStore,
		"listeners.https.ssl.keystore.type":       "PKCS12",
		"listeners.https.ssl.keystore.password":   storePassword,
		"listeners.https.ssl.key.password":        storePassword,
		"listeners.https.ssl.truststore.location": authority.TrustStore,
		"listeners.https.ssl.truststore.type":     "PKCS12",
		"listeners.https.ssl.truststore.password": storePassword,
		"rest.advertised.listener":                "https",
	}
	if clientCertificate {
		properties["listeners.https.ssl.client.auth"] = "required"
	}
	return properties
}

func (l *Lab) newGuard(ctx context.Context, spec ConnectSpec) (*guard, error) {
	folder := filepath.Join(l.dir, "certificates")
	own, err := l.certify("connect-" + spec.Name)
	if err != nil {
		return nil, err
	}
	g := &guard{
		properties: jettyTLS(own, l.authority, spec.Guard.ClientCertificate),
		tls:        &tls.Config{RootCAs: l.authority.Pool(), MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own.Pair}},
	}
	if len(spec.Guard.Users) == 0 {
		return g, nil
	}
	name := "connect-basic-auth-extension"
	extension, err := jars(ctx, name+"-"+spec.Version, []artifact{{"org.apache.kafka", name, spec.Version}}, l.progress)
	if err != nil {
		return nil, err
	}
	g.classPath = string(os.PathListSeparator) + filepath.Join(extension, name+"-"+spec.Version+".jar")
	passwords, login := filepath.Join(folder, spec.Name+"-users.properties"), filepath.Join(folder, spec.Name+"-login.conf")
	for g.user, g.password = range spec.Guard.Users {
		break
	}
	if err := writeProperties(passwords, spec.Guard.Users); err != nil {
		return nil, err
	}
	content := fmt.Sprintf("KafkaConnect {\n  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file=%q;\n};\n", passwords)
	if err := os.WriteFile(login, []byte(content), 0o600); err != nil {
		return nil, err
	}
	g.jvmFlags = []string{"-Djava.security.auth.login.config=" + login}
	g.properties["rest.extension.classes"] = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
	return g, nil
}

// scheme returns that of the REST API.
func (g *guard) scheme() string {
	if g == nil {
		return "http"
	}
	return "https"
}

func (g *guard) authorize(request *http.Request) error {
	if g != nil && g.user != "" {
		request.SetBasicAuth(g.user, g.password)
	}
	return nil
}

// options are those of the lab's own client.
func (g *guard) options(workers []string) connect.Options {
	options := connect.Options{Workers: workers, Authorize: g.authorize}
	if g != nil {
		options.TLS = g.tls
	}
	return options
}

func (g *guard) httpClient() *http.Client {
	if g == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: g.tls, DisableKeepAlives: true}}
}

// The listeners that a Kafka with users has besides its open one.
const (
	saslListener   = "SASL"
	mutualListener = "MUTUAL"
)

// secureBroker adds to the settings of a broker a listener with SASL over TLS
// and one that asks for a client certificate.
func (l *Lab) secureBroker(kafka *Kafka, properties map[string]string) error {
	own, err := l.certify("kafka-" + kafka.name)
	if err != nil {
		return err
	}
	for _, port := range []*int{&kafka.saslPort, &kafka.mutualPort} {
		if *port, err = freePort(); err != nil {
			return err
		}
	}
	listeners := "," + saslListener + "://" + kafka.SASLBootstrap() + "," + mutualListener + "://" + kafka.MutualBootstrap()
	properties["listeners"] += listeners
	properties["advertised.listeners"] += listeners
	properties["listener.security.protocol.map"] += "," + saslListener + ":SASL_SSL," + mutualListener + ":SSL"
	maps.Copy(properties, map[string]string{
		"ssl.keystore.type":                                 "PEM",
		"ssl.keystore.location":                             own.PEMStore,
		"ssl.truststore.type":                               "PEM",
		"ssl.truststore.location":                           l.authority.File,
		"sasl.enabled.mechanisms":                           "SCRAM-SHA-512",
		"listener.name.sasl.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"listener.name.mutual.ssl.client.auth":              "required",
	})
	return nil
}

// SASLBootstrap returns host:port of the listener that takes SCRAM-SHA-512 over
// TLS, if the Kafka has users.
func (k *Kafka) SASLBootstrap() string { return loopback(k.saslPort) }

// MutualBootstrap returns host:port of the listener that takes client
// certificates, if the Kafka has users.
func (k *Kafka) MutualBootstrap() string { return loopback(k.mutualPort) }

// formatWithUsers formats a broker's data folder with SCRAM users in it. It is
// not taken from the cache: the users are the caller's.
func formatWithUsers(jvm jvm, file string, users map[string]string) error {
	arguments := []string{"format", "--cluster-id", newClusterID(), "--config", file}
	for _, user := range sortedKeys(users) {
		arguments = append(arguments, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, users[user]))
	}
	command, err := jvm.command("kafka.tools.StorageTool", arguments...)
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("lab: formatting of a broker's storage with users: %w:\n%s", err, strings.TrimSpace(lastLines(output, 15)))
	}
	return nil
}
