package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// limited connects to the lab's broker as the user that may do nothing yet.
func limited(t *testing.T) *Client {
	t.Helper()
	l := labtest.Lab(t)
	pem, err := os.ReadFile(l.Authority().File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client, err := Open(t.Context(), Config{
		Brokers: []string{l.Kafka("kafka").SASLBootstrap()}, TLS: &tls.Config{RootCAs: roots},
		SASL: &SASL{Mechanism: "SCRAM-SHA-512", Username: user, Password: secret.New(password)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// allow lets the user do operations on a resource, and on any other of the prefix.
func allow(t *testing.T, admin *Client, resource *kadm.ACLBuilder, operations ...kadm.ACLOperation) {
	t.Helper()
	rules := resource.ResourcePatternType(kadm.ACLPatternPrefixed).Allow("User:" + user).AllowHosts().Operations(operations...)
	created, err := admin.admin.CreateACLs(t.Context(), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range created {
		if one.Err != nil {
			t.Fatal(one.Err)
		}
	}
}

// becomes waits until the authorizer knows a new rule.
func becomes(t *testing.T, what string, done func(ctx context.Context) error) {
	t.Helper()
	err := wait.Until(t.Context(), what, 30*time.Second, func(ctx context.Context) (bool, string, error) {
		err := done(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
	if err != nil {
		t.Error(err)
	}
}
