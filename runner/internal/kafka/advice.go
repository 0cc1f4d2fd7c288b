package kafka

import (
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
)

// advice says what to correct after a connection that a broker, or TLS, refused,
// in terms of the kafka section of a clusters file; "" if it is neither.
func advice(err error) string {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return "the broker does not accept the user and password of kafka.sasl"
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return "the broker does not offer the mechanism of kafka.sasl"
	case errors.Is(err, kerr.IllegalSaslState):
		return "the broker expects another kind of login, compare kafka.sasl and the port of kafka.bootstrap_servers with its listeners"
	}
	_, hungUp := errors.AsType[*kgo.ErrFirstReadEOF](err)
	if hungUp || strings.Contains(err.Error(), "appear to be a tls alert record") { // franz-go's words for what it cannot read
		return "the broker did not understand, as when only one side speaks TLS or SASL: compare kafka.tls, kafka.sasl and " +
			"the port of kafka.bootstrap_servers with its listeners"
	}
	return trust.Advice(err)
}
