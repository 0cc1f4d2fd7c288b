package lab

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Intercept decides what becomes of one request: next carries it out. It may
// answer by itself, carry it out without answering, or later, or not at all; a
// panic with [http.ErrAbortHandler] cuts the connection. Others may run at the
// same time.
type Intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Exchange is one request that came to a [Proxy].
type Exchange struct {
	At     time.Time
	Method string
	Path   string // escaped, without the query
	Status int    // of the worker's answer; 0: it was not passed on, or not answered
}

// Proxy stands before one or more workers, as a load balancer does, and lets
// tests do what networks do: see [Proxy.Through], [Proxy.Cut].
type Proxy struct {
	targets  []string
	listener *cutListener
	server   *http.Server
	client   *http.Client

	mu        sync.Mutex
	next      int
	intercept Intercept
	exchanges []Exchange
}

// forwardLimit is above what a worker takes for any request.
const forwardLimit = 2 * time.Minute

// StartProxy starts a proxy on a free loopback port. Requests go to the targets,
// the roots of REST APIs, in turn. Close it.
func StartProxy(targets ...string) (*Proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return nil, err
	}
	proxy := &Proxy{
		targets:  targets,
		listener: &cutListener{Listener: listener, open: map[net.Conn]bool{}},
		client:   &http.Client{Timeout: forwardLimit, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	proxy.server = &http.Server{Handler: http.HandlerFunc(proxy.handle)}
	go func() { _ = proxy.server.Serve(proxy.listener) }() // ends with Close
	return proxy, nil
}

// URL returns the root that clients are to use.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Close ends the proxy and what goes through it.
func (p *Proxy) Close() error { return p.server.Close() }

// Through sends all further requests through intercept; nil ends that.
func (p *Proxy) Through(intercept Intercept) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = intercept
}

// Cut cuts the network: every connection breaks, and new ones do until Mend.
// What a worker has been asked for already it still carries out.
func (p *Proxy) Cut() { p.listener.cut(true) }

// Mend ends Cut.
func (p *Proxy) Mend() { p.listener.cut(false) }

// Exchanges returns the requests that came so far.
func (p *Proxy) Exchanges() []Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Exchange(nil), p.exchanges...)
}

func (p *Proxy) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	// A request that came is carried out even if the client does not wait for it.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	p.mu.Lock()
	place, intercept := len(p.exchanges), p.intercept
	p.exchanges = append(p.exchanges, Exchange{At: time.Now(), Method: r.Method, Path: r.URL.EscapedPath()})
	p.mu.Unlock()
	forward := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.forward(w, r, body, place) })
	if intercept == nil {
		forward(w, r)
		return
	}
	intercept(w, r, forward)
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, body []byte, place int) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, p.target()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, header := range []string{"Accept", "Authorization", "Content-Type"} {
		if value := r.Header.Get(header); value != "" {
			request.Header.Set(header, value)
		}
	}
	answer, err := p.client.Do(request)
	if err != nil {
		panic(http.ErrAbortHandler) // as the worker's own port would do
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	p.exchanges[place].Status = answer.StatusCode
	p.mu.Unlock()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(content) // a client that is gone has nothing to be told
}

func (p *Proxy) target() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	target := p.targets[p.next%len(p.targets)]
	p.next++
	return target
}

// cutListener breaks the connections it accepted, and those it accepts.
type cutListener struct {
	net.Listener
	mu     sync.Mutex
	broken bool
	open   map[net.Conn]bool
}

type trackedConn struct {
	net.Conn
	listener *cutListener
}

func (l *cutListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		broken := l.broken
		if !broken {
			l.open[conn] = true
		}
		l.mu.Unlock()
		if !broken {
			return &trackedConn{conn, l}, nil
		}
		_ = conn.Close() // it is to be gone, in whatever state
	}
}

func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c.Conn)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

func (l *cutListener) cut(broken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = broken
	if !broken {
		return
	}
	for conn := range l.open {
		_ = conn.Close() // it is to be gone, in whatever state
	}
}
