package connect

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const (
	// requestTimeout is above the 90 s after which a worker itself gives up
	// (RestServer.DEFAULT_REST_REQUEST_TIMEOUT_MS), so that its answer still arrives.
	requestTimeout = 100 * time.Second
	dialTimeout    = 5 * time.Second
	maxAnswer      = 512 << 20
	defaultRetry   = 5 * time.Second
)

// Options says how to reach a cluster.
type Options struct {
	// Workers are the base URLs of one or more workers. Requests go to one worker for as
	// long as it answers, then to the next.
	Workers []string
	// Transport sends the requests; nil means a new one that uses TLS.
	Transport http.RoundTripper
	// TLS is used by the default transport; nil means Go's defaults.
	TLS *tls.Config
	// Authorize adds credentials to a request; nil adds none. If it fails, the request is
	// not sent and fails with a [CredentialsError].
	Authorize func(*http.Request) error
	// Renew is called if a worker refused the credentials (401). It returns true if
	// Authorize has new ones; then the request is sent once more. May be nil.
	Renew func() bool
	// Mask replaces secrets in a worker's answer; nil replaces none.
	Mask func(string) string
	// Guard is called before each request that may change something, also before a retry.
	// If it fails, the request is not sent and fails with its error. May be nil. See
	// [Client.Guarded].
	Guard func(context.Context) error
}

// Client talks to one Connect cluster. It is safe for concurrent use.
type Client struct {
	workers   []*url.URL
	http      *http.Client
	authorize func(*http.Request) error
	renew     func() bool
	mask      func(string) string
	guard     func(context.Context) error
	// current is the index of the worker that answered last. Requests stay on it, since
	// each worker has its own view of the config topic and may lag behind the others.
	current  *atomic.Int64
	retryFor time.Duration
	// remembered is nil unless the client is [Client.Remembering].
	remembered *remembered
}

// New returns a client, or an error if a worker's URL cannot be used.
func New(options Options) (*Client, error) {
	if len(options.Workers) == 0 {
		return nil, errors.New("no worker URL given")
	}
	client := &Client{
		authorize: options.Authorize, renew: options.Renew, mask: options.Mask, guard: options.Guard,
		current: new(atomic.Int64), retryFor: defaultRetry,
	}
	if client.authorize == nil {
		client.authorize = func(*http.Request) error { return nil }
	}
	if client.renew == nil {
		client.renew = func() bool { return false }
	}
	if client.mask == nil {
		client.mask = func(text string) string { return text }
	}
	if client.guard == nil {
		client.guard = func(context.Context) error { return nil }
	}
	for _, worker := range options.Workers {
		base, err := url.Parse(worker)
		if err != nil || base.Host == "" {
			return nil, fmt.Errorf("worker URL %q is not an http or https URL", worker)
		}
		base.Path = strings.TrimRight(base.Path, "/")
		client.workers = append(client.workers, base)
	}
	transport := options.Transport
	if transport == nil {
		transport = newTransport(options.TLS)
	}
	client.http = &http.Client{
		Transport: transport,
		Timeout:   requestTimeout,
		// Following a redirect would send the credentials to a host that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client, nil
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialTimeout,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Workers returns the base URLs of the client.
func (c *Client) Workers() []string {
	urls := make([]string, len(c.workers))
	for i, worker := range c.workers {
		urls[i] = worker.String()
	}
	return urls
}

// On returns a client for one worker only, by its index in [Client.Workers].
func (c *Client) On(worker int) *Client {
	pinned := *c
	pinned.workers = c.workers[worker : worker+1]
	pinned.current = new(atomic.Int64)
	return &pinned
}

// Guarded returns a client that also calls guard before each request that may change
// something, after Options.Guard.
func (c *Client) Guarded(guard func(context.Context) error) *Client {
	guarded := *c
	guarded.guard = func(ctx context.Context) error {
		if err := c.guard(ctx); err != nil {
			return err
		}
		return guard(ctx)
	}
	return &guarded
}

// changes reports whether a request may change something. A validation is a PUT that
// changes nothing.
func changes(method string, path []string) bool {
	return method != http.MethodGet && (len(path) == 0 || path[0] != "connector-plugins")
}

// do sends one request to one worker, by its index in [Client.Workers], and once more
// with new credentials after a 401: then the worker has done nothing. It returns the body
// of the answer.
func (c *Client) do(ctx context.Context, worker int, method string, path []string, query url.Values, body any) ([]byte, error) {
	content, err := c.send(ctx, worker, method, path, query, body)
	if answer, ok := errors.AsType[*ResponseError](err); ok && answer.Status == http.StatusUnauthorized && c.renew() {
		return c.send(ctx, worker, method, path, query, body)
	}
	return content, err
}

// send sends one request. path is a list of segments, which only joinEscaped escapes.
func (c *Client) send(ctx context.Context, worker int, method string, path []string, query url.Values, body any) ([]byte, error) {
	if changes(method, path) {
		if err := c.guard(ctx); err != nil {
			return nil, fmt.Errorf("%s %s: not sent: %w", method, strings.Join(path, "/"), err)
		}
	}
	payload, err := encode(body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: encode request: %w", method, strings.Join(path, "/"), err)
	}
	endpoint := c.endpoint(worker, path, query)
	request, err := http.NewRequestWithContext(ctx, method, endpoint, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, endpoint, err)
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if err := c.authorize(request); err != nil {
		refused, ok := errors.AsType[*CredentialsError](err)
		if !ok {
			refused = &CredentialsError{Err: err}
		}
		return nil, &CredentialsError{Method: method, URL: endpoint, Err: refused.Err, Temporary: refused.Temporary}
	}
	answer, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() == nil { // a cancelled request says nothing about the worker
			c.current.CompareAndSwap(int64(worker), int64((worker+1)%len(c.workers)))
		}
		return nil, &UnreachableError{Method: method, URL: endpoint, Err: unwrapURL(err)}
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, &UnreachableError{Method: method, URL: endpoint, Err: fmt.Errorf("answer was cut: %w", err)}
	}
	if len(content) > maxAnswer {
		return nil, fmt.Errorf("%s %s: answer is larger than %d MiB", method, endpoint, maxAnswer>>20)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		refused := newResponseError(method, endpoint, answer.StatusCode, content, c.mask)
		refused.redirected(request.URL, answer.Header.Get("Location"), path)
		return nil, refused
	}
	return content, nil
}

// worker is the index of the worker to ask first.
func (c *Client) worker() int { return int(c.current.Load()) % len(c.workers) }

func (c *Client) endpoint(worker int, path []string, query url.Values) string {
	endpoint := c.workers[worker].String() + joinEscaped(path)
	if len(query) > 0 {
		endpoint += "?" + query.Encode()
	}
	return endpoint
}

// write sends one request that is not a GET, once, to the worker that answered last.
func (c *Client) write(ctx context.Context, method string, query url.Values, body, into any, path ...string) error {
	worker := c.worker()
	content, err := c.do(ctx, worker, method, path, query, body)
	if err != nil {
		return err
	}
	return decode(content, into, method, c.endpoint(worker, path, query))
}

func (c *Client) get(ctx context.Context, into any, query url.Values, path ...string) error {
	return c.retry(ctx, func() error {
		got := c.read(ctx, path, query)
		if got.err != nil {
			return got.err
		}
		return decode(got.content, into, http.MethodGet, c.endpoint(got.worker, path, query))
	})
}

func (c *Client) put(ctx context.Context, body, into any, path ...string) error {
	return c.retry(ctx, func() error { return c.write(ctx, http.MethodPut, nil, body, into, path...) })
}

// decode decodes an answer. into may be nil, or a *rawjson.Value, which keeps the bytes.
func decode(content []byte, into any, method, endpoint string) error {
	if into == nil {
		return nil
	}
	if err := unmarshal(content, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not what Kafka Connect sends, is this its REST API: %w", method, endpoint, err)
	}
	return nil
}

// unmarshal spares a document that is kept as it is, such as many offsets, a second reading.
func unmarshal(content []byte, into any) (err error) {
	if value, ok := into.(*rawjson.Value); ok {
		*value, err = rawjson.Parse(content)
		return err
	}
	return json.Unmarshal(content, into)
}

func encode(body any) ([]byte, error) {
	switch content := body.(type) {
	case nil:
		return nil, nil
	case rawjson.Value:
		return content.Bytes(), nil
	default:
		return json.Marshal(content)
	}
}

func joinEscaped(segments []string) string {
	var path strings.Builder
	for _, segment := range segments {
		path.WriteByte('/')
		path.WriteString(url.PathEscape(segment))
	}
	return path.String()
}

// unwrapURL drops the method and URL that net/http repeats.
func unwrapURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
