package connect

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// TestRefusedCredentialsAreRenewedOnce answers 401 to all but the token given.
func TestRefusedCredentialsAreRenewedOnce(t *testing.T) {
	for accepted, want := range map[string]string{"second": "", "third": "401"} {
		t.Run(accepted, func(t *testing.T) {
			asked, bodies := 0, ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				var body [64]byte
				n, _ := r.Body.Read(body[:])
				bodies += string(body[:n])
				if r.Header.Get("Authorization") != accepted {
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			defer server.Close()
			token := "first"
			client, err := New(Options{
				Workers:   []string{server.URL},
				Authorize: func(r *http.Request) error { r.Header.Set("Authorization", token); return nil },
				Renew:     func() bool { token = "second"; return true },
			})
			if err != nil {
				t.Fatal(err)
			}
			err = client.write(t.Context(), http.MethodPost, nil, map[string]string{"name": "x"}, nil, "connectors")
			if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if asked != 2 || bodies != `{"name":"x"}{"name":"x"}` {
				t.Errorf("asked %d times: %s", asked, bodies)
			}
		})
	}
}

func TestCredentialsThatCannotBeHad(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		tries int
	}{
		"for good":      {errors.New("no token"), 1},
		"for good, too": {&CredentialsError{Err: errors.New("no token")}, 1},
		"for a while":   {&CredentialsError{Err: errors.New("no token"), Temporary: true}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client, err := New(Options{Workers: []string{"http://worker"}, Authorize: func(*http.Request) error {
					if tries++; tries < 4 {
						return test.err
					}
					return errors.New("enough")
				}})
				if err != nil {
					t.Fatal(err)
				}
				_, err = client.Connectors(t.Context())
				if tries != test.tries || err == nil || !strings.HasPrefix(err.Error(), "GET http://worker/connectors: not sent: ") {
					t.Errorf("%d tries, %v", tries, err)
				}
			})
		})
	}
}

// TestTracesAreMasked has a passphrase in a trace, which is cut between words later.
func TestTracesAreMasked(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"name":"a","connector":{"state":"FAILED","worker_id":"w","trace":"no open sesame"},` +
			`"tasks":[{"id":0,"state":"FAILED","worker_id":"w","trace":"open sesame, no"}],"type":"source"}`))
	}))
	defer server.Close()
	client, err := New(Options{Workers: []string{server.URL}, Mask: func(text string) string { return strings.ReplaceAll(text, "open sesame", "***") }})
	if err != nil {
		t.Fatal(err)
	}
	status, err := client.Status(t.Context(), "a")
	if err != nil || status.Connector.Trace != "no ***" || status.Tasks[0].Trace != "***, no" {
		t.Errorf("%+v, %v", status, err)
	}
}
