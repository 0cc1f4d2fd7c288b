package connecttest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
)

// Interceptor gets each request before the worker does. It may answer itself,
// change what next answers, or wait. To lose a request or its answer it panics
// with [http.ErrAbortHandler], before or after it called next.
type Interceptor func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Intercept sets the interceptor of all workers, nil for none.
func (c *Cluster) Intercept(interceptor Interceptor) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.intercept = interceptor
}

// Worker returns one worker by its place in [Cluster.URLs], to be served over a
// real socket.
func (c *Cluster) Worker(i int) http.Handler {
	worker := c.workers[i]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.kafka.mu.Lock()
		intercept, down := c.intercept, worker.down || worker.dead
		c.kafka.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		if intercept == nil {
			worker.rest.ServeHTTP(w, r)
			return
		}
		intercept(w, r, worker.rest)
	})
}

// LoseAnswer lets next carry out a request and loses the answer. It does not
// return.
func LoseAnswer(r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// Transport returns an in-process transport to the workers at [Cluster.URLs].
// It works in a testing/synctest bubble, as sockets do not, and honours the
// request's context.
func (c *Cluster) Transport() http.RoundTripper { return transport{c} }

type transport struct{ cluster *Cluster }

var (
	errRefused = errors.New("connect: connection refused")
	errReset   = errors.New("read: connection reset by peer")
)

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	c := t.cluster
	if err := request.Context().Err(); err != nil {
		return nil, err // not sent at all; from here on the worker gets it
	}
	var handler http.Handler
	for i, worker := range c.workers {
		if worker.host == request.URL.Host {
			handler = c.Worker(i)
			c.kafka.mu.Lock()
			down := worker.down || worker.dead
			c.kafka.mu.Unlock()
			if down {
				return nil, fmt.Errorf("dial tcp %s: %w", request.URL.Host, errRefused)
			}
		}
	}
	if handler == nil {
		return nil, fmt.Errorf("dial tcp: lookup %s: no such host", request.URL.Host)
	}
	served, err := serverSide(c, request)
	if err != nil {
		return nil, err
	}
	answered := make(chan *httptest.ResponseRecorder, 1)
	c.running.Go(func() {
		recorder := httptest.NewRecorder()
		defer func() {
			// As net/http's server does: the connection is closed, nothing is said.
			if recovered := recover(); recovered != nil {
				if err, isError := recovered.(error); !isError || !errors.Is(err, http.ErrAbortHandler) {
					panic(recovered)
				}
				recorder = nil
			}
			answered <- recorder
		}()
		if !c.pause(requestLatency) {
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(recorder, served)
	})
	select {
	case <-request.Context().Done():
		return nil, request.Context().Err()
	case recorder := <-answered:
		if recorder == nil {
			return nil, errReset
		}
		answer := recorder.Result()
		answer.Request = request
		return answer, nil
	}
}

// serverSide returns the request as a server sees it. Its context is the
// cluster's, not the caller's: a worker goes on when the caller has left.
func serverSide(c *Cluster, request *http.Request) (*http.Request, error) {
	served := request.Clone(c.ctx)
	served.RequestURI = request.URL.RequestURI()
	served.Host = request.URL.Host
	served.Body = http.NoBody
	if request.Body != nil {
		var content bytes.Buffer
		_, err := content.ReadFrom(request.Body)
		if closing := request.Body.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return nil, err
		}
		served.Body = readCloser{&content}
	}
	return served, nil
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }
