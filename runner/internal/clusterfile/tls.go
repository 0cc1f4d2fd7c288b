package clusterfile

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// TLS says which authorities to trust and which client certificate to use. The zero value
// trusts the system's authorities and uses no certificate.
type TLS struct {
	CAFile     string // replaces the system's authorities
	CertFile   string // requires KeyFile
	KeyFile    string
	ServerName string

	place string // its path in the file, for errors
}

func (r *reader) tls(from node) *TLS {
	if !from.exists() {
		return nil
	}
	return &TLS{
		CAFile: r.path(from.member("ca_file")), CertFile: r.path(from.member("cert_file")), KeyFile: r.path(from.member("key_file")),
		ServerName: r.text(from.member("server_name")),
		place:      strings.Join(from.path, "."),
	}
}

func (r *reader) path(from node) string {
	path := r.text(from)
	if path == "" {
		return ""
	}
	return inFolder(r.folder, path)
}

// Config returns the settings for package tls. It refuses what cannot work, such as an
// expired certificate, since the other side would not give the reason. A nil TLS is like
// a zero one.
func (t *TLS) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t == nil {
		return config, nil
	}
	config.ServerName = t.ServerName
	if t.CAFile != "" {
		pool, err := authorities(t.CAFile)
		if err != nil {
			return nil, t.failed("ca_file", t.CAFile, err)
		}
		config.RootCAs = pool
	}
	if t.CertFile != "" {
		pair, err := t.pair()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// ConfigForOthers returns the settings for a server that is not part of the cluster, such
// as its authorization server. They trust both the system's authorities and those of
// CAFile, and ignore ServerName.
func (t *TLS) ConfigForOthers() (*tls.Config, error) {
	config, err := t.Config()
	if err != nil || t == nil {
		return config, err
	}
	config.ServerName = ""
	if t.CAFile == "" {
		return config, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return config, nil //nolint:nilerr // the system has no authorities, so trust those of CAFile
	}
	all, err := certificates(t.CAFile)
	if err != nil {
		return nil, t.failed("ca_file", t.CAFile, err)
	}
	for _, certificate := range all {
		pool.AddCert(certificate)
	}
	config.RootCAs = pool
	return config, nil
}

func (t *TLS) failed(key, file string, err error) error {
	place := t.place
	if place == "" {
		place = "tls"
	}
	return fmt.Errorf("%s.%s: %s: %w", place, key, file, err)
}

var (
	errNoCertificate = errors.New("holds no certificate, expected PEM with BEGIN CERTIFICATE")
	errNoKey         = errors.New("holds no private key, expected PEM with BEGIN PRIVATE KEY")
	errEncrypted     = errors.New("the key is encrypted, expected one without a passphrase")
	errBadKey        = errors.New("the key cannot be read")
	errMismatch      = errors.New("the key does not belong to the certificate")
	errExpired       = errors.New("the certificate expired")
	errNotYet        = errors.New("the certificate is not valid yet")
)

// certificates reads every certificate of a PEM file, at least one.
func certificates(file string) ([]*x509.Certificate, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, withoutPath(err)
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read", len(all)+1)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errNoCertificate
	}
	return all, nil
}

// authorities reads the authorities to trust. Some of a bundle may have expired, but not
// all.
func authorities(file string) (*x509.CertPool, error) {
	all, err := certificates(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	var expired error
	valid := 0
	for _, certificate := range all {
		pool.AddCert(certificate)
		if err := inTime(certificate); err != nil {
			expired = err
			continue
		}
		valid++
	}
	if valid == 0 {
		return nil, expired
	}
	return pool, nil
}

func inTime(certificate *x509.Certificate) error {
	switch now := time.Now(); {
	case now.After(certificate.NotAfter):
		return fmt.Errorf("%w on %s", errExpired, certificate.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("%w, only from %s", errNotYet, certificate.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}

// pair reads the client's certificate and key.
func (t *TLS) pair() (tls.Certificate, error) {
	chain, err := certificates(t.CertFile)
	if err != nil {
		return tls.Certificate{}, t.failed("cert_file", t.CertFile, err)
	}
	if err := inTime(chain[0]); err != nil {
		return tls.Certificate{}, t.failed("cert_file", t.CertFile, err)
	}
	key, err := os.ReadFile(t.KeyFile)
	if err != nil {
		return tls.Certificate{}, t.failed("key_file", t.KeyFile, withoutPath(err))
	}
	if err := readable(key); err != nil {
		return tls.Certificate{}, t.failed("key_file", t.KeyFile, err)
	}
	var encoded []byte
	for _, certificate := range chain {
		encoded = append(encoded, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	pair, err := tls.X509KeyPair(encoded, key)
	switch {
	case err == nil:
		return pair, nil
	case strings.Contains(err.Error(), "does not match"):
		return tls.Certificate{}, t.failed("key_file", t.KeyFile, errMismatch)
	default:
		return tls.Certificate{}, t.failed("key_file", t.KeyFile, errBadKey)
	}
}

// readable reports what is wrong with a key as far as its PEM header shows it.
func readable(key []byte) error {
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return errEncrypted
		}
		return nil
	}
	return errNoKey
}
