package dial

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// oauthLogin is a login with the handler as its token endpoint.
func oauthLogin(t *testing.T, handler http.HandlerFunc) *login {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &login{mask: &secret.Mask{}, settings: clusterfile.Cluster{
		OAuth: &clusterfile.OAuth{TokenURL: server.URL, ClientID: "ferry", ClientSecret: secret.New("planted-client"), Scopes: []string{"a", "b"}},
	}}
}

func (l *login) header(t *testing.T) string {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "http://worker/", http.NoBody)
	if err := l.authorize(request); err != nil {
		t.Fatal(err)
	}
	return request.Header.Get("Authorization")
}

func TestTokenIsKeptUntilItIsRefused(t *testing.T) {
	fetched := 0
	l := oauthLogin(t, func(w http.ResponseWriter, r *http.Request) {
		fetched++
		if user, password, _ := r.BasicAuth(); user != "ferry" || password != "planted-client" || r.FormValue("scope") != "a b" {
			t.Errorf("asked by %s for %q", user, r.FormValue("scope"))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"planted-token-%d","token_type":"bearer","expires_in":3600}`, fetched)
	})
	if first, again := l.header(t), l.header(t); first != "Bearer planted-token-1" || again != first || fetched != 1 {
		t.Errorf("%q, then %q, fetched %d times", first, again, fetched)
	}
	if !l.renew() {
		t.Error("a token cannot be renewed")
	}
	if renewed := l.header(t); renewed != "Bearer planted-token-2" || fetched != 2 {
		t.Errorf("%q, fetched %d times", renewed, fetched)
	}
	if text := l.mask.Text("planted-token-1, planted-token-2"); text != "***, ***" {
		t.Errorf("the mask did not learn the tokens: %s", text)
	}
	if (&login{settings: clusterfile.Cluster{Username: "u"}}).renew() {
		t.Error("a password is renewed")
	}
}

func TestNoToken(t *testing.T) {
	answer := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	for name, test := range map[string]struct {
		handler   http.HandlerFunc
		temporary bool
		want      string
	}{
		"refused":   {answer(401, "application/json", `{"error":"invalid_client","error_description":"not planted-client"}`), false, "401 Unauthorized, invalid_client; correct oauth.client_id"},
		"bad scope": {answer(400, "application/json", `{"error":"invalid_scope"}`), false, "400 Bad Request, invalid_scope; correct oauth.client_id, client_secret and scopes"},
		"fault":     {answer(503, "text/html", "planted-client"), true, "503 Service Unavailable; the authorization server has a fault of its own"},
		"too many":  {answer(429, "text/plain", ""), true, "429 Too Many Requests"},
		"no JSON":   {answer(200, "text/html", "<html>planted-client"), false, "no token in JSON"},
		"no token":  {answer(200, "application/json", "{}"), false, "no token in JSON"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
		}, false, "a redirect, which is not followed"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, "no answer: "},
	} {
		t.Run(name, func(t *testing.T) {
			l := oauthLogin(t, test.handler)
			err := l.authorize(httptest.NewRequest(http.MethodGet, "http://worker/", http.NoBody))
			refused, ok := errors.AsType[*connect.CredentialsError](err)
			if !ok || refused.Temporary != test.temporary || connect.IsTemporary(err) != test.temporary {
				t.Fatalf("got %#v", err)
			}
			text := refused.Err.Error()
			if !strings.HasPrefix(text, "no token from "+l.settings.OAuth.TokenURL+": ") || !strings.Contains(text, test.want) || strings.Contains(text, "planted") {
				t.Errorf("got %s", text)
			}
		})
	}
}
