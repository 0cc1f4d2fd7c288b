package secure

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
)

// front is a small proxy before the worker of a cluster, as a company has one
// that checks who asks. config nil: plain HTTP.
func front(t *testing.T, cluster *lab.Connect, config *tls.Config, allow func(*http.Request) bool) (address string) {
	t.Helper()
	worker, err := url.Parse(cluster.URLs()[0])
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: cluster.Transport(),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(worker); r.Out.Header.Del("Authorization") },
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	return serve(t, config, func(w http.ResponseWriter, r *http.Request) {
		if !allow(r) {
			w.WriteHeader(http.StatusUnauthorized)
			// What a careless proxy says, and more than is shown of a body.
			fmt.Fprintf(w, "<html>not allowed: %s %v</html>", r.Header.Get("Authorization"), r.Header)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

func serve(t *testing.T, config *tls.Config, handler http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if config != nil {
		server.TLS = config
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}

func anyone(*http.Request) bool { return true }

func bearing(header, value string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Header.Get(header) == value }
}

// issuer is an OAuth 2.0 token endpoint whose tokens live for a time.
type issuer struct {
	plants   secrettest.Plants
	life     time.Duration
	told     string // expires_in as it is told; "" for not at all
	clientID string
	secret   string

	mu      sync.Mutex
	tokens  map[string]time.Time // until when each is good
	refused int                  // requests with a token that was good no more
}

func newIssuer(plants secrettest.Plants, life time.Duration, told string) *issuer {
	return &issuer{plants: plants, life: life, told: told, clientID: "ferry", secret: plants.New("oauth client secret"), tokens: map[string]time.Time{}}
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != i.clientID || password != i.secret || r.FormValue("grant_type") != "client_credentials" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"not %s"}`, password)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	token := i.plants.New(fmt.Sprintf("oauth token %d", len(i.tokens)))
	i.tokens[token] = time.Now().Add(i.life)
	answer := map[string]any{"access_token": token, "token_type": "Bearer"}
	if i.told != "" {
		answer["expires_in"] = json.Number(i.told)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// allow lets a request through whose token is still good.
func (i *issuer) allow(r *http.Request) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for token, until := range i.tokens {
		if r.Header.Get("Authorization") == "Bearer "+token {
			if time.Now().Before(until) {
				return true
			}
			i.refused++
		}
	}
	return false
}

func (i *issuer) issued() (tokens, refused int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.tokens), i.refused
}
