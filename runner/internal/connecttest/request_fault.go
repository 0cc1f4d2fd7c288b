package connecttest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Faults of single requests, to be set with [Cluster.Intercept]:
//
//	cluster.Intercept(connecttest.Faults(
//		connecttest.On("PATCH", "/offsets").Late(cluster, 100*time.Second),
//		connecttest.On("PUT", "/resume").Times(1).LostAnswer(),
//		connecttest.On("", "").Times(30).Conflict(),
//	))

// RequestFault is what befalls some requests.
type RequestFault struct {
	method, suffix string

	mu        sync.Mutex
	left      int // negative: no end
	intercept Interceptor
}

// On returns a fault of the requests of a method whose path has a suffix, "" for
// all of them. It does nothing until it is told what, and then each time.
func On(method, suffix string) *RequestFault {
	return &RequestFault{method: method, suffix: suffix, left: -1}
}

// Times lets the fault happen that many times only.
func (f *RequestFault) Times(count int) *RequestFault {
	f.left = count
	return f
}

// LostRequest loses requests before a worker gets them.
func (f *RequestFault) LostRequest() *RequestFault {
	return f.with(func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
}

// LostAnswer has requests carried out and loses their answers.
func (f *RequestFault) LostAnswer() *RequestFault {
	return f.with(func(_ http.ResponseWriter, r *http.Request, next http.Handler) { LoseAnswer(r, next) })
}

// Late cuts the connection of requests at once and has them carried out after
// that long, as a worker does that answers nobody any more.
func (f *RequestFault) Late(cluster *Cluster, delay time.Duration) *RequestFault {
	return f.with(func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
		cluster.running.Go(func() {
			defer func() {
				recovered := recover()
				if err, ok := recovered.(error); recovered != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
					panic(recovered)
				}
			}()
			if cluster.pause(delay) {
				next.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
		panic(http.ErrAbortHandler)
	})
}

// Conflict answers as a worker whose cluster is about to rebalance, 409.
func (f *RequestFault) Conflict() *RequestFault { return f.answered(errStale) }

// RebalanceExpected answers so, 500.
func (f *RequestFault) RebalanceExpected() *RequestFault { return f.answered(errExpected) }

// TimedOut has requests carried out and answers that they timed out, 500, which
// says nothing about whether they were.
func (f *RequestFault) TimedOut() *RequestFault {
	return f.with(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		reply(w, answer{}, errInternal("Request timed out. The worker is currently flushing updates to the offsets topic"))
	})
}

func (f *RequestFault) answered(err error) *RequestFault {
	return f.with(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reply(w, answer{}, err) })
}

func (f *RequestFault) with(interceptor Interceptor) *RequestFault {
	f.intercept = interceptor
	return f
}

// takes reports whether the request is one of the fault's, and counts it.
func (f *RequestFault) takes(r *http.Request) bool {
	if f.method != "" && r.Method != f.method || !strings.HasSuffix(r.URL.Path, f.suffix) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 || f.intercept == nil {
		return false
	}
	f.left--
	return true
}

// Faults returns an interceptor with which each request meets the first fault
// that takes it.
func Faults(faults ...*RequestFault) Interceptor {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		for _, fault := range faults {
			if fault.takes(r) {
				fault.intercept(w, r, next)
				return
			}
		}
		next.ServeHTTP(w, r)
	}
}
