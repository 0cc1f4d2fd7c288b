package connect

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func FuzzPath(f *testing.F) {
	for _, name := range []string{"orders", "a/b", "a?b", "a#b", "a%2Fb", "a->b", "ü ", "..", "", "a;b", "\x00", "a\nb", `\`, "a:b", "\xff"} {
		f.Add(name, "offsets")
	}
	f.Fuzz(func(t *testing.T, name, resource string) {
		path := joinEscaped([]string{"connectors", name, resource})
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://worker:8083"+path, http.NoBody)
		if err != nil {
			t.Fatalf("name %q gives no request: %v", name, err)
		}
		if request.URL.RawQuery != "" || request.URL.Fragment != "" || request.URL.Host != "worker:8083" || request.URL.User != nil {
			t.Fatalf("name %q leaves the path: %q", name, request.URL)
		}
		// What goes over the wire, taken apart as a server does.
		segments := strings.Split(strings.TrimPrefix(request.URL.RequestURI(), "/"), "/")
		if len(segments) != 3 {
			t.Fatalf("name %q makes %d segments: %q", name, len(segments), segments)
		}
		for i, want := range []string{"connectors", name, resource} {
			if got, err := url.PathUnescape(segments[i]); err != nil || got != want {
				t.Fatalf("segment %d of %q is read as %q, want %q: %v", i, request.URL.RequestURI(), got, want, err)
			}
		}
	})
}
