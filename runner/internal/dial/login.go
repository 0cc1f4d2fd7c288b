package dial

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
)

// tokenTimeout bounds one request for a token: a connector may stand still.
const tokenTimeout = 15 * time.Second

// login adds a cluster's credentials to requests. It is safe for concurrent use.
type login struct {
	settings clusterfile.Cluster
	mask     *secret.Mask // learns the tokens

	mu     sync.Mutex
	tokens oauth2.TokenSource // nil until the first token is needed
	last   string             // the token that the mask learned last
}

func (l *login) authorize(request *http.Request) error {
	for name, value := range l.settings.Headers {
		request.Header.Set(name, value.Reveal())
	}
	switch {
	case l.settings.Username != "":
		request.SetBasicAuth(l.settings.Username, l.settings.Password.Reveal())
	case !l.settings.BearerToken.IsZero():
		request.Header.Set("Authorization", "Bearer "+l.settings.BearerToken.Reveal())
	case l.settings.OAuth != nil:
		token, err := l.token()
		if err != nil {
			return noToken(l.settings.OAuth, err)
		}
		token.SetAuthHeader(request)
	}
	return nil
}

// token returns the current token, or a new one if it is about to expire.
func (l *login) token() (*oauth2.Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tokens == nil {
		source, err := l.source()
		if err != nil {
			return nil, err
		}
		l.tokens = source
	}
	token, err := l.tokens.Token()
	if err == nil && token.AccessToken != l.last {
		l.last = token.AccessToken
		l.mask.Add(secret.New(l.last))
	}
	return token, err
}

// renew drops a token that a worker refused: it may have been revoked, or have come
// without an expiry. Other logins have nothing to renew.
func (l *login) renew() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = nil
	return l.settings.OAuth != nil
}

func (l *login) source() (oauth2.TokenSource, error) {
	tlsConfig, err := l.settings.TLS.ConfigForOthers()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	transport.TLSClientConfig = tlsConfig
	client := &http.Client{
		Transport: transport,
		Timeout:   tokenTimeout,
		// Following a redirect would send the client's secret to a host that nobody
		// named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	oauth := l.settings.OAuth
	config := clientcredentials.Config{
		ClientID: oauth.ClientID, ClientSecret: oauth.ClientSecret.Reveal(), TokenURL: oauth.TokenURL, Scopes: oauth.Scopes,
	}
	// The token source outlives a request, so it does not use a request's context.
	return config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client)), nil
}

// noToken says why there is no token and what to do. It quotes only the error code of the
// token endpoint's answer, which may hold a token.
func noToken(oauth *clusterfile.OAuth, err error) error {
	failed := func(temporary bool, format string, arguments ...any) error {
		return &connect.CredentialsError{Err: fmt.Errorf("no token from "+oauth.TokenURL+": "+format, arguments...), Temporary: temporary}
	}
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := answer.Response.StatusCode
		said := fmt.Sprintf("%d %s", status, http.StatusText(status))
		if answer.ErrorCode != "" {
			said += ", " + event.OneLine(answer.ErrorCode)
		}
		switch {
		case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
			return failed(true, "%s; the authorization server has a fault of its own, try again when it is fixed", said)
		case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
			return failed(false, "%s, a redirect, which is not followed; correct oauth.token_url", said)
		default:
			return failed(false, "%s; correct oauth.client_id, client_secret and scopes", said)
		}
	}
	if advice := trust.Advice(err); advice != "" {
		return failed(false, "%s", advice)
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok {
		if timeout.Timeout() {
			return failed(true, "no answer within %s", tokenTimeout)
		}
		return failed(true, "no answer: %w", err)
	}
	return failed(false, "its answer is no token in JSON; correct oauth.token_url")
}
