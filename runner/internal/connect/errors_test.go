package connect

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func unmasked(text string) string { return text }

// is holds the results of the predicates for an error.
type is struct{ notFound, unsupported, exists, badRequest, unauthorized, temporary, unreachable bool }

func classify(err error) is {
	return is{
		IsNotFound(err), IsUnsupported(err), IsAlreadyExists(err), IsBadRequest(err), unauthorized(err), IsTemporary(err), IsUnreachable(err),
	}
}

func unauthorized(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden)
}

func TestErrorsAreToldApart(t *testing.T) {
	message := func(text string) string { return fmt.Sprintf(`{"error_code":0,"message":%q}`, text) }
	for name, test := range map[string]struct {
		status int
		body   string
		want   is
	}{
		"unknown connector":        {404, message("Connector orders not found"), is{notFound: true}},
		"unknown connector, stop":  {404, message("Unknown connector orders"), is{notFound: true}},
		"no status yet":            {404, message("No status found for connector orders"), is{notFound: true}},
		"connector named HTTP 404": {404, message("Connector HTTP 404 Not Found not found"), is{notFound: true}},
		"starting, Jetty 9":        {404, "<html><title>Error 404 Not Found</title></html>", is{temporary: true}},
		"starting, Jetty 12":       {404, `{"url":"/connectors/orders/status","status":"404","message":"Not Found"}`, is{temporary: true}},
		"unknown endpoint":         {404, message("HTTP 404 Not Found"), is{unsupported: true}},
		"unknown method":           {405, message("HTTP 405 Method Not Allowed"), is{unsupported: true}},
		"name taken":               {409, message("Connector orders already exists"), is{exists: true}},
		"stale":                    {409, message("Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"), is{temporary: true}},
		"no leader":                {409, message("Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."), is{temporary: true}},
		"conflicting operation":    {409, message("Cannot complete request because of a conflicting operation (e.g. worker rebalance)"), is{temporary: true}},
		"rebalance expected":       {500, message("Request cannot be completed because a rebalance is expected"), is{temporary: true}},
		"forwarding":               {500, message("IO Error trying to forward REST request: java.net.ConnectException"), is{temporary: true}},
		"config topic":             {500, message("Failed to write to config topic; this may be due to a transient error and the request can be safely retried"), is{temporary: true}},
		"group has members":        {500, message("... If the connector is in a stopped state, this operation can be safely retried. If it doesn't ..."), is{temporary: true}},
		"timeout":                  {500, message("Request timed out. The worker is currently flushing updates to the status topic"), is{temporary: true}},
		"unknown field":            {500, message(`Unrecognized field "initial_state" (class ...CreateConnectorRequest)`), is{}},
		"class is missing":         {500, message("Failed to find any class that implements Connector and which name matches x"), is{}},
		"invalid config":           {400, message("Connector configuration is invalid and contains the following 1 error(s):\nx"), is{badRequest: true}},
		"not stopped":              {400, message("Connectors must be in the STOPPED state before their offsets can be modified."), is{badRequest: true}},
		"path refused by Jetty":    {400, "<html>\n<body>Ambiguous URI path separator</body></html>", is{badRequest: true}},
		"no credentials":           {401, "", is{unauthorized: true}},
		"not allowed":              {403, message("Topic tracking is disabled."), is{unauthorized: true}},
		"gateway":                  {502, "<html>nginx</html>", is{temporary: true}},
		"unavailable":              {503, "", is{temporary: true}},
		"gateway timeout":          {504, "", is{temporary: true}},
		"too many requests":        {429, "", is{temporary: true}},
		"redirect":                 {302, "", is{}},
		"name with 409 in it":      {400, message("Connector 409 already exists"), is{badRequest: true}},
	} {
		t.Run(name, func(t *testing.T) {
			plain := newResponseError("GET", "http://worker/connectors", test.status, []byte(test.body), unmasked)
			for how, err := range map[string]error{
				"plain": plain, "wrapped": fmt.Errorf("read: %w", plain), "joined": errors.Join(errors.New("interrupted"), plain),
			} {
				if got := classify(err); got != test.want {
					t.Errorf("%s: %v is %+v, want %+v", how, err, got, test.want)
				}
			}
		})
	}
	if got := classify(nil); got != (is{}) {
		t.Errorf("nil is %+v", got)
	}
	if got := classify(errors.New("HTTP 404 already exists")); got != (is{}) {
		t.Errorf("a foreign error is %+v", got)
	}
	if got := classify(fmt.Errorf("read: %w", &UnreachableError{Err: errors.New("refused")})); got != (is{temporary: true, unreachable: true}) {
		t.Errorf("no answer is %+v", got)
	}
}

func TestResponseErrorSaysWhatConnectSaid(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"message":    {`{"error_code":400,"message":"first\n  second\tthird"}`, "first second third"},
		"no JSON":    {" <html>\nbad gateway</html> ", "<html> bad gateway</html>"},
		"no message": {`{"error":"other"}`, `{"error":"other"}`},
		"nothing":    {"", "(no message)"},
		"long":       {strings.Repeat("twenty characters... ", 20), strings.Repeat("twenty characters... ", 14) + "twenty ..."},
		"one word":   {strings.Repeat("x", 400), "(400 bytes without a blank)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newResponseError("PUT", "http://worker/connectors/a/stop", 400, []byte(test.body), unmasked)
			if err.Message != test.want || string(err.Raw) != test.body {
				t.Errorf("message %q, raw %q", err.Message, err.Raw)
			}
			if want := "PUT http://worker/connectors/a/stop: 400 Bad Request: " + test.want; err.Error() != want {
				t.Errorf("says %q, want %q", err, want)
			}
		})
	}
}

// TestACutLeavesNoHalfSecret moves a secret across the place where a body is cut, with a
// mask that knows it and with one that learns it afterwards.
func TestACutLeavesNoHalfSecret(t *testing.T) {
	const planted = "planted-0123456789-abcdefghij"
	known := func(text string) string { return strings.ReplaceAll(text, planted, "***") }
	for before := range maxPlainMessage + 10 {
		body := strings.Repeat("x", before) + " " + planted + strings.Repeat(" and more", 50)
		for _, mask := range []func(string) string{known, unmasked} {
			text := known(newResponseError("GET", "http://worker/", 502, []byte(body), mask).Error())
			if strings.Contains(text, planted[:4]) {
				t.Fatalf("after %d bytes: %s", before, text)
			}
		}
	}
	// In one word with what surrounds it.
	body := strings.Repeat("x", maxPlainMessage-10) + planted + strings.Repeat("x", 50)
	if text := newResponseError("GET", "http://worker/", 502, []byte(body), known).Error(); strings.Contains(text, planted[:4]) {
		t.Error(text)
	}
}

// TestMaskedErrorsAreToldApart has a password that is one of the words in Connect's
// messages.
func TestMaskedErrorsAreToldApart(t *testing.T) {
	mask := func(text string) string { return strings.ReplaceAll(text, "exists", "***") }
	err := newResponseError("POST", "http://worker/connectors", 409, []byte(`{"message":"Connector orders already exists"}`), mask)
	if !IsAlreadyExists(err) || err.Message != "Connector orders already ***" {
		t.Errorf("%v", err)
	}
}

// TestRedirectSaysWhereItLeads, without what may be a credential.
func TestRedirectSaysWhereItLeads(t *testing.T) {
	for location, want := range map[string]string{
		"https://connect.example:8443/connectors/a/status":                     "connect_url redirects to https://connect.example:8443, name that instead",
		"https://u:planted@connect.example/base/connectors/a/status?t=planted": "connect_url redirects to https://connect.example/base, name that instead",
		"/login": "connect_url redirects to http://127.0.0.1:",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusPermanentRedirect)
			_, _ = w.Write([]byte("<html>moved</html>"))
		}))
		client, err := New(Options{Workers: []string{server.URL}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.RetryFor(0).Status(t.Context(), "a")
		server.Close()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "<html>") {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestAPlain404AsksForTheAddress(t *testing.T) {
	err := newResponseError("GET", "http://worker/", 404, []byte(`{"error":"no such route"}`), unmasked)
	if !strings.Contains(err.Error(), "is this Kafka Connect's REST API?") {
		t.Error(err)
	}
	if err := newResponseError("GET", "http://worker/", 404, []byte(`{"error_code":404,"message":"Connector a not found"}`), unmasked); strings.Contains(err.Error(), "REST API") {
		t.Error(err)
	}
}
