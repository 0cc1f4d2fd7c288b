package lab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Match picks requests out.
type Match func(*http.Request) bool

// To matches requests of a method whose path ends so; "" is any method.
func To(method, suffix string) Match {
	return func(r *http.Request) bool {
		return (method == "" || r.Method == method) && strings.HasSuffix(r.URL.Path, suffix)
	}
}

// Any matches every request.
func Any(*http.Request) bool { return true }

// Writes matches what changes something on a cluster.
func Writes(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/validate")
}

// Nth does fault to the n-th request that matches, counted from 1, and to no
// other.
func Nth(match Match, n int, fault Intercept) Intercept {
	return During(match, n, n, fault)
}

// During does fault to the requests that match from the first-th to the last-th,
// counted from 1.
func During(match Match, first, last int, fault Intercept) Intercept {
	var mu sync.Mutex
	seen := 0
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		hit := false
		if match(r) {
			mu.Lock()
			seen++
			hit = seen >= first && seen <= last
			mu.Unlock()
		}
		if hit {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// Sometimes does fault to the requests that match and that chance picks, of 100 so
// many. The seed makes it the same each time.
func Sometimes(match Match, percent int, seed uint64, fault Intercept) Intercept {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- to be repeatable
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		hit := false
		if match(r) {
			mu.Lock()
			hit = dice.IntN(100) < percent
			mu.Unlock()
		}
		if hit {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// Since goes through fault once a request has matched and was carried out.
func Since(match Match, fault Intercept) Intercept {
	var begun atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if begun.Load() {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
		if match(r) {
			begun.Store(true)
		}
	}
}

// Both goes through one and then through the other.
func Both(first, second Intercept) Intercept {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		first(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { second(w, r, next) }))
	}
}

// LoseAnswer carries the request out and cuts the connection without an answer.
func LoseAnswer(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// LoseRequest cuts the connection; the worker never hears of the request.
func LoseRequest(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// AnswerWith answers as Connect answers an error, and carries nothing out.
func AnswerWith(status int, message string) Intercept {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { writeError(w, status, message) }
}

// What Connect says while it rebalances (HerderRequestHandler, DistributedHerder).
const (
	StaleConfiguration = "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"
	RebalanceExpected  = "Request cannot be completed because a rebalance is expected"
	TimedOut           = "Request timed out. The worker is currently performing an operation"
)

// Late answers that the request timed out, and carries it out when d is over.
// done, if not nil, is closed after that.
func Late(d time.Duration, done chan<- struct{}) Intercept {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		time.AfterFunc(d, func() {
			if done != nil {
				defer close(done)
			}
			defer func() { _ = recover() }() // the worker may be gone, which is as late as can be
			next.ServeHTTP(httptest.NewRecorder(), r)
		})
		writeError(w, http.StatusInternalServerError, TimedOut)
	}
}

// Before does something and then carries the request out.
func Before(do func()) Intercept {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		do()
		next.ServeHTTP(w, r)
	}
}

// After carries the request out, does something, and then answers.
func After(do func()) Intercept {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		do()
		pass(w, answer)
	}
}

// Edit changes the body of the answer.
func Edit(change func([]byte) []byte) Intercept {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		answer.Body = bytes.NewBuffer(change(answer.Body.Bytes()))
		pass(w, answer)
	}
}

// Lagging answers every second GET of a path that matches as it was answered at
// least lag ago, or as it was first, as a worker does that is behind with the
// status topic and the config topic.
func Lagging(match Match, lag time.Duration) Intercept {
	type seen struct {
		at     time.Time
		answer *httptest.ResponseRecorder
	}
	var mu sync.Mutex
	history := map[string][]seen{}
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet || !match(r) {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		known := append(history[r.URL.Path], seen{now, answer})
		history[r.URL.Path] = known
		if len(known)%2 == 0 {
			answer = known[0].answer
			for _, older := range known {
				if now.Sub(older.at) >= lag {
					answer = older.answer
				}
			}
		}
		pass(w, answer)
	}
}

func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func writeError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error_code":%d,"message":%q}`, status, message)
}
