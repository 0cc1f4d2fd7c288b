// Package trust says what an operator can do about a connection that failed in TLS. The
// errors of crypto/tls and crypto/x509 name the fault but not the remedy.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// The TLS alerts about the client's certificate (RFC 8446, 6.2).
const (
	alertBadCertificate      = 42
	alertCertificateRevoked  = 44
	alertCertificateExpired  = 45
	alertCertificateUnknown  = 46
	alertUnknownAuthority    = 48
	alertAccessDenied        = 49
	alertCertificateRequired = 116
)

// Advice explains an error of a connection and says what to correct in the tls section of
// a clusters file. It returns "" if the error has nothing to do with TLS or nothing more
// is known about it.
func Advice(err error) string {
	if refused := serverRefused(err); refused != "" {
		return refused
	}
	if sent, ok := errors.AsType[*net.OpError](err); ok && sent.Op == "remote error" {
		return clientRefused(sent.Err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return speaksPlain
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return speaksPlain
	case strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return "the server speaks TLS, correct the URL to https"
	}
	return ""
}

const speaksPlain = "the server does not speak TLS, correct the URL to http or go without the tls section"

// serverRefused explains why we did not trust the server.
func serverRefused(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the server's certificate is from an authority that is not trusted, name the PEM file of that authority as tls.ca_file"
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the server's certificate is not for %s, correct the address or name one that it is for as tls.server_name", wrong.Host)
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if !ok || invalid.Cert == nil {
		return ""
	}
	now, until, from := time.Now(), invalid.Cert.NotAfter.UTC(), invalid.Cert.NotBefore.UTC()
	switch {
	case invalid.Reason == x509.Expired && now.After(until):
		return fmt.Sprintf("the server's certificate expired on %s, renew it on the server", until.Format(time.DateOnly))
	case invalid.Reason == x509.Expired && now.Before(from):
		return fmt.Sprintf("the server's certificate is valid only from %s, correct this machine's clock or the certificate", from.Format(time.DateOnly))
	default:
		return "the server's certificate cannot be used, replace it on the server"
	}
}

// clientRefused explains the alert with which the server ended the handshake. Over TCP,
// crypto/tls gives the alert an unexported type, so it is compared by its text.
func clientRefused(alert error) string {
	is := func(candidates ...tls.AlertError) bool {
		return slices.ContainsFunc(candidates, func(candidate tls.AlertError) bool { return alert.Error() == candidate.Error() })
	}
	switch {
	case is(alertCertificateRequired, alertBadCertificate):
		// Java sends the latter both if there is no certificate and if it is a wrong one.
		return "the server asks for a client certificate that it trusts, name one as tls.cert_file and tls.key_file"
	case is(alertCertificateExpired):
		return "the server says that the client certificate expired, renew tls.cert_file"
	case is(alertCertificateRevoked, alertCertificateUnknown, alertUnknownAuthority, alertAccessDenied):
		return "the server does not trust the client certificate, use one of an authority that it trusts as tls.cert_file"
	default:
		return "the server ended the handshake, compare the versions, ciphers and certificates that both sides accept"
	}
}

// Permanent reports whether a retry is of no use until somebody corrects something.
func Permanent(err error) bool { return Advice(err) != "" }
