package lab

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// behind starts a proxy before a worker that counts what it carries out.
func behind(t *testing.T) (*Proxy, *atomic.Int32) {
	t.Helper()
	var carriedOut atomic.Int32
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d %s %s", carriedOut.Add(1), r.Method, r.URL.RequestURI())
	}))
	t.Cleanup(worker.Close)
	proxy, err := StartProxy(worker.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy, &carriedOut
}

// ask returns the status and the answer, 0 if there was none.
func ask(t *testing.T, proxy *Proxy, method, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, proxy.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func TestProxyFaults(t *testing.T) {
	proxy, carriedOut := behind(t)
	const path = "/connectors/a%2Fb/offsets?x=1"
	for _, test := range []struct {
		name    string
		fault   Intercept
		status  int
		carried int32
	}{
		{"none", nil, 200, 1},
		{"answer lost", LoseAnswer, 0, 1},
		{"request lost", LoseRequest, 0, 0},
		{"conflict", AnswerWith(409, StaleConfiguration), 409, 0},
		{"another request's", Nth(To(http.MethodPut, "/stop"), 1, LoseRequest), 200, 1},
		{"the second's", Nth(To(http.MethodPatch, "/offsets"), 2, LoseRequest), 200, 1},
		{"the first's", Nth(To("", "/offsets"), 1, LoseRequest), 0, 0},
	} {
		proxy.Through(test.fault)
		carriedOut.Store(0)
		status, text := ask(t, proxy, http.MethodPatch, path)
		if status != test.status || carriedOut.Load() != test.carried {
			t.Errorf("%s: answered %d %s, carried out %d times", test.name, status, text, carriedOut.Load())
		}
		if status == 200 && text != "1 PATCH "+path {
			t.Errorf("%s: %q reached the worker", test.name, text)
		}
	}
	log := proxy.Exchanges()
	if len(log) != 7 || log[0].Status != 200 || log[2].Status != 0 || log[0].Path != "/connectors/a%2Fb/offsets" {
		t.Errorf("the log is %+v", log)
	}
}

func TestProxyAppliesLate(t *testing.T) {
	proxy, carriedOut := behind(t)
	done := make(chan struct{})
	proxy.Through(Nth(Writes, 1, Late(20*time.Millisecond, done)))
	status, text := ask(t, proxy, http.MethodPatch, "/offsets")
	if status != 500 || !strings.Contains(text, "timed out") || carriedOut.Load() != 0 {
		t.Errorf("answered %d %s, carried out %d times", status, text, carriedOut.Load())
	}
	<-done
	if carriedOut.Load() != 1 {
		t.Error("it was not carried out")
	}
}

func TestProxyLags(t *testing.T) {
	proxy, _ := behind(t)
	proxy.Through(Lagging(Any, time.Hour))
	for i, want := range []string{"1 ", "1 ", "3 ", "1 "} {
		if _, text := ask(t, proxy, http.MethodGet, "/status"); !strings.HasPrefix(text, want) {
			t.Errorf("read %d says %q, want %s", i, text, want)
		}
	}
}

func TestProxyIsCut(t *testing.T) {
	proxy, carriedOut := behind(t)
	ask(t, proxy, http.MethodGet, "/")
	proxy.Cut()
	if status, text := ask(t, proxy, http.MethodGet, "/"); status != 0 || carriedOut.Load() != 1 {
		t.Errorf("through a cut came %d %s", status, text)
	}
	proxy.Mend()
	if status, text := ask(t, proxy, http.MethodGet, "/"); status != 200 {
		t.Errorf("after it was mended: %d %s", status, text)
	}
}
