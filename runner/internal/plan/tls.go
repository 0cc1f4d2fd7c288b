package plan

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// TLS says whom to trust and as whom to speak. Its zero value trusts the
// system's authorities and speaks as nobody.
type TLS struct {
	CAFile     string // instead of the system's authorities
	CertFile   string
	KeyFile    string
	ServerName string
}

// Config returns the settings for package tls. A certificate that has expired
// is refused here, where the reason can be named, and not by the other side.
func (t *TLS) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t == nil {
		return config, nil
	}
	config.ServerName = t.ServerName
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.ca_file %s: %w", t.CAFile, unwrapPath(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca_file %s: holds no PEM certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.cert_file %s with tls.key_file %s: %w", t.CertFile, t.KeyFile, unwrapPath(err))
		}
		if expired := pair.Leaf.NotAfter; time.Now().After(expired) {
			return nil, fmt.Errorf("tls.cert_file %s: %w on %s", t.CertFile, errExpired, expired.Format(time.DateOnly))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

var errExpired = errors.New("certificate expired")
