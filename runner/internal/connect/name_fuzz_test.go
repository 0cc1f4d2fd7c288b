package connect

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// wire carries a request as it would go over a connection and reads it as a
// server does.
type wire struct {
	arrived *http.Request
	body    []byte
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	var sent bytes.Buffer
	err := request.Write(&sent)
	if err == nil {
		w.arrived, err = http.ReadRequest(bufio.NewReader(&sent))
	}
	if err == nil {
		w.body, err = io.ReadAll(w.arrived.Body)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}}, err
}

// FuzzNameArrives asks for connectors of every name, below base URLs with and
// without a path of their own.
func FuzzNameArrives(f *testing.F) {
	for _, name := range []string{"orders", "a/b", "a?b=c", "a#b", "50%", "a%2Fb", "a->b", "ü ñ 名", "..", ".", "//", "a\\b", "a:b", "a;b", "a&b=c+d", "\x00\n\r", "http://x/", "\xff"} {
		f.Add(name, "connect")
		f.Add(name, "")
	}
	f.Fuzz(func(t *testing.T, name, prefix string) {
		if strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyz-/") != "" {
			return // an operator's own URL is taken as it is
		}
		line := &wire{}
		client, err := New(Options{Workers: []string{"http://worker:8083/" + prefix}, Transport: line})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Config(t.Context(), name); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		base := strings.TrimRight("/"+prefix, "/")
		rest, found := strings.CutPrefix(line.arrived.RequestURI, base+"/connectors/")
		encoded, found2 := strings.CutSuffix(rest, "/config")
		got, err := url.PathUnescape(encoded)
		if !found || !found2 || err != nil || got != name || strings.ContainsAny(encoded, "/?# \r\n") {
			t.Fatalf("%q arrived as %q, %q, %v", name, line.arrived.RequestURI, got, err)
		}
		if line.arrived.Host != "worker:8083" || line.arrived.URL.RawQuery != "" || len(line.body) != 0 {
			t.Fatalf("%q changed the request: %+v", name, line.arrived)
		}
	})
}
