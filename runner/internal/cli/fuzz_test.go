package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
)

// FuzzRequest takes whatever a request file may hold: it is understood, or refused
// in one line that shows no value of it.
func FuzzRequest(f *testing.F) {
	examples, err := os.ReadFile(filepath.Join("..", "..", "..", "schemas", "request.schema.json"))
	if err != nil {
		f.Fatal(err)
	}
	const planted = "pl@nted=secret:9"
	f.Add(string(examples))
	f.Add(`{"clusters":{"clusters":{"a":{"connect_url":"http://x","username":"u","password":"` + planted + `"}}},"connector":["a","b"],"set":{"db.password":"` + planted + `"}}`)
	f.Add(`{"clusters":"c.yaml","connector":"a","rename":{"a":"b"},"timeout":"PT2M","concurrency":1}`)
	f.Add(`{"set":{"password":["` + planted + `"]}}`)
	f.Add(`{"clusters":{"clusters":{"a":{"connect_url":["http://x"],"password":{"` + planted + `":1}}}}}`)
	f.Add(`{"concurrency":1e9999,"connector":[{"x":"` + planted + `"}]}`)
	f.Add(`{"concurrency":8.0}`)
	f.Fuzz(func(t *testing.T, document string) {
		asked := request{}
		parsed, err := parseRequest("request.json", []byte(document))
		if err == nil {
			err = asked.decode("request.json", parsed)
		}
		if err == nil {
			if err = asked.check(); err == nil && !asked.Clusters.IsZero() {
				if path, isPath := asked.Clusters.Text(); !isPath || path == "" {
					_, err = asked.clusters()
				}
			}
		}
		if err == nil {
			return
		}
		if strings.Contains(err.Error(), planted) || strings.ContainsAny(err.Error(), "\n\r") {
			t.Fatalf("the error shows the secret or has many lines: %q", err)
		}
		_, isInput := errors.AsType[*clusterfile.InputError](err)
		if _, isUsage := errors.AsType[*usageError](err); !isInput && !isUsage {
			t.Fatalf("exit code for invalid input is not certain: %#v", err)
		}
	})
}

// FuzzDuration takes whatever stands behind --timeout.
func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"90s", "PT2M", "PT1H2M3.5S", "PT", "-1s", "1e9h", "PT999999999999H", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := duration("timeout", text, time.Second)
		if err == nil && got <= 0 || err != nil && got != 0 {
			t.Fatalf("%q is %s, %v", text, got, err)
		}
	})
}
