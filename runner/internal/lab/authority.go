package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// storePassword is the password of a [Certificate]'s key stores: Java wants one,
// and these keys are worth nothing.
const storePassword = "lab-store"

// Authority is a private certificate authority whose files are in one folder.
type Authority struct {
	File string // PEM file of its certificate
	// TrustStore is a PKCS12 file with its certificate, for servers that know no PEM.
	TrustStore string

	folder string
	root   *x509.Certificate
	key    *ecdsa.PrivateKey
}

// Certificate is a certificate with its key, in the files that Go and Java read.
type Certificate struct {
	CertFile string // PEM
	KeyFile  string // PEM, not encrypted
	PEMStore string // PEM with both, as Kafka's ssl.keystore.type=PEM takes it
	KeyStore string // PKCS12 with both, as Jetty takes it; its password is storePassword
	Pair     tls.Certificate
}

// NewAuthority makes an authority of that name with its files in folder.
func NewAuthority(folder, name string) (*Authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificateTemplate(name, time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour))
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(encoded)
	if err != nil {
		return nil, err
	}
	a := &Authority{
		File: filepath.Join(folder, name+".pem"), TrustStore: filepath.Join(folder, name+"-trust.p12"),
		folder: folder, root: root, key: key,
	}
	trust, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{root}, storePassword)
	if err != nil {
		return nil, err
	}
	return a, writeAll(map[string][]byte{a.File: block("CERTIFICATE", encoded), a.TrustStore: trust})
}

// Issue makes a certificate for this machine's loopback, as server and client,
// that is valid from and until the given times from now. The name must be fit
// for a file name; it is the certificate's common name.
func (a *Authority) Issue(name string, from, until time.Duration, hosts ...string) (Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, err
	}
	template := certificateTemplate(name, time.Now().Add(from), time.Now().Add(until))
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = hosts
	if len(hosts) == 0 {
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return Certificate{}, err
	}
	parsed, err := x509.ParseCertificate(encoded)
	if err != nil {
		return Certificate{}, err
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Certificate{}, err
	}
	store, err := pkcs12.Modern2023.Encode(key, parsed, []*x509.Certificate{a.root}, storePassword)
	if err != nil {
		return Certificate{}, err
	}
	file := func(suffix string) string { return filepath.Join(a.folder, name+suffix) }
	issued := Certificate{
		CertFile: file(".pem"), KeyFile: file("-key.pem"), PEMStore: file("-store.pem"), KeyStore: file(".p12"),
		Pair: tls.Certificate{Certificate: [][]byte{encoded, a.root.Raw}, PrivateKey: key},
	}
	certificate, private := block("CERTIFICATE", encoded), block("PRIVATE KEY", encodedKey)
	return issued, writeAll(map[string][]byte{
		issued.CertFile: certificate, issued.KeyFile: private, issued.KeyStore: store,
		issued.PEMStore: append(append(private, certificate...), block("CERTIFICATE", a.root.Raw)...),
	})
}

// Pool returns the authority alone, to be trusted.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

func certificateTemplate(name string, from, until time.Time) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
}

func block(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}

func writeAll(files map[string][]byte) error {
	for file, content := range files {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return fmt.Errorf("lab: certificate: %w", err)
		}
	}
	return nil
}
