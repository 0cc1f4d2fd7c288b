package connect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// wire is a transport whose answers a test gives. It keeps what was sent.
type wire struct {
	answer func(attempt int, r *http.Request) (*http.Response, error)

	mu   sync.Mutex
	sent []sent
}

type sent struct {
	method, uri, host, body string
	header                  http.Header
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	w.sent = append(w.sent, sent{request.Method, request.URL.RequestURI(), request.URL.Host, string(body), request.Header.Clone()})
	attempt := len(w.sent)
	w.mu.Unlock()
	return w.answer(attempt, request)
}

// hosts are the hosts that were asked, in order.
func (w *wire) hosts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var hosts []string
	for _, one := range w.sent {
		hosts = append(hosts, one.host)
	}
	return hosts
}

func say(status int, body string) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(status)
	_, _ = recorder.WriteString(body)
	return recorder.Result(), nil
}

func message(status int, text string) (*http.Response, error) {
	return say(status, fmt.Sprintf(`{"error_code":%d,"message":%q}`, status, text))
}

var errRefused = errors.New("connection refused")

func newClient(t *testing.T, transport http.RoundTripper, workers ...string) *connect.Client {
	t.Helper()
	if len(workers) == 0 {
		workers = []string{"http://worker"}
	}
	client, err := connect.New(connect.Options{Workers: workers, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// calls are all methods of a client but Create.
func calls(client *connect.Client) map[string]func(context.Context) error {
	config := rawjson.Object{}.With("connector.class", rawjson.String("x"))
	patch := rawjson.Object{}.With("offsets", rawjson.Array()).Value()
	return map[string]func(context.Context) error{
		"Server":            func(ctx context.Context) error { _, err := client.Server(ctx); return err },
		"Connectors":        func(ctx context.Context) error { _, err := client.Connectors(ctx); return err },
		"Config":            func(ctx context.Context) error { _, err := client.Config(ctx, "a"); return err },
		"PutConfig":         func(ctx context.Context) error { return client.PutConfig(ctx, "a", config) },
		"Delete":            func(ctx context.Context) error { return client.Delete(ctx, "a") },
		"Tasks":             func(ctx context.Context) error { _, err := client.Tasks(ctx, "a"); return err },
		"ActiveTopics":      func(ctx context.Context) error { _, err := client.ActiveTopics(ctx, "a"); return err },
		"ResetActiveTopics": func(ctx context.Context) error { return client.ResetActiveTopics(ctx, "a") },
		"Plugins":           func(ctx context.Context) error { _, err := client.Plugins(ctx); return err },
		"Validate":          func(ctx context.Context) error { _, err := client.Validate(ctx, "x", config); return err },
		"Status":            func(ctx context.Context) error { _, err := client.Status(ctx, "a"); return err },
		"Pause":             func(ctx context.Context) error { return client.Pause(ctx, "a") },
		"Resume":            func(ctx context.Context) error { return client.Resume(ctx, "a") },
		"Stop":              func(ctx context.Context) error { return client.Stop(ctx, "a") },
		"Restart":           func(ctx context.Context) error { return client.Restart(ctx, "a") },
		"Offsets":           func(ctx context.Context) error { _, err := client.Offsets(ctx, "a"); return err },
		"AlterOffsets":      func(ctx context.Context) error { _, err := client.AlterOffsets(ctx, "a", patch); return err },
		"ResetOffsets":      func(ctx context.Context) error { _, err := client.ResetOffsets(ctx, "a"); return err },
	}
}

// good is a body that each of the calls accepts.
func good(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	switch {
	case path == "/connectors" || path == "/connector-plugins" || strings.HasSuffix(path, "/tasks"):
		return say(200, `[]`)
	case strings.HasSuffix(path, "/topics"):
		return say(200, `{"a":{"topics":[]}}`)
	case strings.HasSuffix(path, "/validate"):
		return say(200, `{"error_count":0,"configs":[]}`)
	case strings.HasSuffix(path, "/stop") || r.Method == http.MethodDelete && !strings.HasSuffix(path, "/offsets"):
		return say(204, "")
	case strings.HasSuffix(path, "/pause") || strings.HasSuffix(path, "/resume") || strings.HasSuffix(path, "/restart"):
		return say(202, "")
	default:
		return say(200, `{}`)
	}
}

func TestBusyClusterIsAskedAgain(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &wire{answer: func(attempt int, r *http.Request) (*http.Response, error) {
					switch attempt {
					case 1:
						return message(409, "Cannot complete request momentarily due to stale configuration")
					case 2:
						return message(500, "Request cannot be completed because a rebalance is expected")
					case 3:
						return nil, errRefused
					default:
						return good(r)
					}
				}}
				started := time.Now()
				if err := calls(newClient(t, transport))[name](t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(transport.sent) != 4 {
					t.Fatalf("sent %d times", len(transport.sent))
				}
				for _, again := range transport.sent[1:] {
					first := transport.sent[0]
					if again.method != first.method || again.uri != first.uri || again.body != first.body {
						t.Errorf("sent %+v, then %+v", first, again)
					}
				}
				if took := time.Since(started); took < 50*time.Millisecond || took > time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestRefusalIsFinal(t *testing.T) {
	for name := range calls(nil) {
		t.Run(name, func(t *testing.T) {
			for _, answer := range []struct {
				status int
				text   string
			}{
				{400, "Connectors must be in the STOPPED state"}, {401, "who are you"}, {409, "Connector a already exists"},
				{500, "Failed to find any class"}, {405, "HTTP 405 Method Not Allowed"},
			} {
				transport := &wire{answer: func(int, *http.Request) (*http.Response, error) { return message(answer.status, answer.text) }}
				err := calls(newClient(t, transport))[name](t.Context())
				if failure, ok := errors.AsType[*connect.ResponseError](err); !ok || failure.Status != answer.status || failure.Message != answer.text {
					t.Errorf("answer %+v is given as %v", answer, err)
				}
				if len(transport.sent) != 1 {
					t.Errorf("%+v: sent %d times", answer, len(transport.sent))
				}
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &wire{answer: func(int, *http.Request) (*http.Response, error) { return message(409, "no known leader URL") }}
		client := newClient(t, transport)
		for _, retryFor := range []time.Duration{0, 5 * time.Second, 2 * time.Minute} {
			transport.sent = nil
			started := time.Now()
			_, err := client.RetryFor(retryFor).Status(t.Context(), "a")
			if !connect.IsTemporary(err) || !strings.Contains(err.Error(), "tried") {
				t.Errorf("retryFor %s: %v", retryFor, err)
			}
			took, times := time.Since(started), len(transport.sent)
			if took > retryFor || took < retryFor-2*time.Second {
				t.Errorf("retryFor %s lasted %s", retryFor, took)
			}
			if most := 12 + int(retryFor/time.Second)*2; retryFor == 0 && times != 1 || times > most {
				t.Errorf("retryFor %s: sent %d times", retryFor, times)
			}
		}
		if !strings.HasSuffix(errorOf(client.Status(t.Context(), "a")).Error(), "in 5s)") {
			t.Error("the limit of a new client is not 5 s")
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &wire{answer: func(int, *http.Request) (*http.Response, error) { return message(409, "stale configuration") }}
		cause := errors.New("interrupted by the operator")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, cause)
		defer cancel()
		started := time.Now()
		err := newClient(t, transport).RetryFor(time.Hour).Stop(ctx, "a")
		if !errors.Is(err, cause) || !connect.IsTemporary(err) || time.Since(started) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
	})
}

func TestCreateIsSentOnce(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"conflict":  func(int, *http.Request) (*http.Response, error) { return message(409, "stale configuration") },
		"gateway":   func(int, *http.Request) (*http.Response, error) { return say(502, "") },
		"no answer": func(int, *http.Request) (*http.Response, error) { return nil, errRefused },
	} {
		t.Run(name, func(t *testing.T) {
			transport := &wire{answer: answer}
			config := rawjson.Object{}.With("n", rawjson.Int(9007199254740993))
			err := newClient(t, transport, "http://one", "http://two").Create(t.Context(), "a", config, connect.Stopped)
			if !connect.IsTemporary(err) || len(transport.sent) != 1 {
				t.Fatalf("sent %d times: %v", len(transport.sent), err)
			}
			if want := `{"name":"a","config":{"n":9007199254740993},"initial_state":"STOPPED"}`; transport.sent[0].body != want {
				t.Errorf("sent %s, want %s", transport.sent[0].body, want)
			}
		})
	}
}

func TestNextWorkerIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := map[string]bool{"one": true, "two": true}
		transport := &wire{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if down[r.URL.Host] {
				return nil, errRefused
			}
			return good(r)
		}}
		client := newClient(t, transport, "http://one", "http://two", "http://three")
		hosts := func() (hosts []string) {
			for _, request := range transport.sent {
				hosts = append(hosts, request.host)
			}
			transport.sent = nil
			return hosts
		}
		started := time.Now()
		if _, err := client.Connectors(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(hosts(), " "); got != "one two three" || time.Since(started) != 0 {
			t.Errorf("asked %s, which took %s", got, time.Since(started))
		}
		// It stays with the one that answers, and so do clients made from it.
		down["one"], down["two"] = false, false
		for _, asking := range []*connect.Client{client, client.RetryFor(time.Minute)} {
			if _, err := asking.Connectors(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(hosts(), " "); got != "three three" {
			t.Errorf("asked %s", got)
		}
		if _, err := client.On(1).Connectors(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(hosts(), " "); got != "two" {
			t.Errorf("the client of one worker asked %s", got)
		}
		down["two"] = true
		err := errorOf(client.On(1).RetryFor(time.Second).Connectors(t.Context()))
		if got := strings.Join(hosts(), " "); strings.Contains(got, "one") || strings.Contains(got, "three") || !connect.IsUnreachable(err) {
			t.Errorf("the client of a worker that is down asked %s: %v", got, err)
		}
		if !strings.Contains(err.Error(), "GET http://two/connectors: no answer: connection refused") {
			t.Errorf("says %q", err)
		}
	})
}

func TestPathsAreEscaped(t *testing.T) {
	for name, want := range map[string]string{
		"orders":  "/connectors/orders/offsets",
		"a/b":     "/connectors/a%2Fb/offsets",
		"a?b=c":   "/connectors/a%3Fb=c/offsets",
		"a#b":     "/connectors/a%23b/offsets",
		"100%":    "/connectors/100%25/offsets",
		"a%2Fb":   "/connectors/a%252Fb/offsets",
		"a->b":    "/connectors/a-%3Eb/offsets",
		"ü ber":   "/connectors/%C3%BC%20ber/offsets",
		"a+b;c":   "/connectors/a+b%3Bc/offsets",
		"../b\\c": "/connectors/..%2Fb%5Cc/offsets",
	} {
		for base, prefix := range map[string]string{
			"http://worker": "", "http://worker/": "", "http://proxy:8443/connect/europe/": "/connect/europe",
		} {
			transport := &wire{answer: func(_ int, r *http.Request) (*http.Response, error) { return good(r) }}
			if _, err := newClient(t, transport, base).Offsets(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if got := transport.sent[0].uri; got != prefix+want {
				t.Errorf("%q on %s asks for %s, want %s", name, base, got, prefix+want)
			}
		}
	}
}

func TestServerSeesTheName(t *testing.T) {
	names := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connectors/{name}/offsets", func(w http.ResponseWriter, r *http.Request) {
		names <- r.PathValue("name")
		_, _ = io.WriteString(w, `{"offsets":[]}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := newClient(t, nil, server.URL)
	for _, name := range []string{"a/b", "a?b", "a#b", "a%2Fb", "a->b", "ü ", "a;b", "a+b", "日本"} {
		if _, err := client.Offsets(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if got := <-names; got != name {
			t.Errorf("%q arrived as %q", name, got)
		}
	}
}

func TestAuthorizeIsAskedForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		transport := &wire{answer: func(attempt int, r *http.Request) (*http.Response, error) {
			if attempt < 3 {
				return say(503, "")
			}
			return good(r)
		}}
		client, err := connect.New(connect.Options{Workers: []string{"http://worker"}, Transport: transport, Authorize: func(r *http.Request) error {
			asked++
			r.Header.Set("Authorization", fmt.Sprintf("Bearer token-%d", asked))
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Stop(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		for i, request := range transport.sent {
			if want := fmt.Sprintf("Bearer token-%d", i+1); request.header.Get("Authorization") != want {
				t.Errorf("request %d carries %q", i, request.header.Get("Authorization"))
			}
		}
	})
}

func TestWithoutCredentialsNothingIsSent(t *testing.T) {
	transport := &wire{answer: func(_ int, r *http.Request) (*http.Response, error) { return good(r) }}
	failure := errors.New("token server says no")
	client, err := connect.New(connect.Options{Workers: []string{"http://worker"}, Transport: transport, Authorize: func(*http.Request) error { return failure }})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Stop(t.Context(), "a"); !errors.Is(err, failure) || connect.IsTemporary(err) || len(transport.sent) != 0 {
		t.Errorf("sent %d times: %v", len(transport.sent), err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	transport := &wire{answer: func(int, *http.Request) (*http.Response, error) {
		answer, err := say(302, "")
		answer.Header.Set("Location", "http://elsewhere/")
		return answer, err
	}}
	err := errorOf(newClient(t, transport).Connectors(t.Context()))
	if answer, ok := errors.AsType[*connect.ResponseError](err); !ok || answer.Status != 302 || len(transport.sent) != 1 {
		t.Errorf("sent %d times: %v", len(transport.sent), err)
	}
}

type cutBody struct{ io.Reader }

func (cutBody) Close() error { return nil }

func TestAnswerThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		body        io.ReadCloser
		says        string
		unreachable bool
	}{
		"cut":             {cutBody{io.MultiReader(strings.NewReader(`{"offsets":[`), failingReader{})}, "answer was cut", true},
		"cut, no error":   {cutBody{strings.NewReader(`{"offsets":[`)}, "is this its REST API", false},
		"a login page":    {cutBody{strings.NewReader("<html>log in</html>")}, "is this its REST API", false},
		"nothing":         {cutBody{strings.NewReader("")}, "is this its REST API", false},
		"a repeated key":  {cutBody{strings.NewReader(`{"offsets":[],"offsets":[]}`)}, "twice", false},
		"two documents":   {cutBody{strings.NewReader(`{"offsets":[]}{}`)}, "is this its REST API", false},
		"something after": {cutBody{strings.NewReader(`{"offsets":[]} trailing`)}, "is this its REST API", false},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &wire{answer: func(int, *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: test.body, Header: http.Header{}}, nil
			}}
			document, err := newClient(t, transport).RetryFor(0).Offsets(t.Context(), "a")
			if err == nil || !strings.Contains(err.Error(), test.says) || connect.IsUnreachable(err) != test.unreachable {
				t.Errorf("read %s, %v", document, err)
			}
		})
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("unexpected EOF") }

func TestAnswersThatDoNotAddUp(t *testing.T) {
	answering := func(body string) *connect.Client {
		return newClient(t, &wire{answer: func(int, *http.Request) (*http.Response, error) { return say(200, body) }})
	}
	// An error without a problem to name must not pass as valid.
	for _, body := range []string{`{"error_count":1,"configs":[]}`, `{}`, `{"error_count":"0x0","configs":[]}`} {
		if problems, err := answering(body).Validate(t.Context(), "x", rawjson.Object{}); err == nil {
			t.Errorf("%s passes as %v", body, problems)
		}
	}
	// Nor a missing list as an empty one.
	if topics, err := answering(`{"b":{"topics":["x"]}}`).ActiveTopics(t.Context(), "a"); err == nil {
		t.Errorf("topics of another connector pass as %v", topics)
	}
}

func TestAnswersKeepTheirDigits(t *testing.T) {
	document := `{"offsets":[{"partition":{"p":9007199254740993},"offset":{"n":9223372036854775807,"f":1.50}}]}`
	client := newClient(t, &wire{answer: func(int, *http.Request) (*http.Response, error) { return say(200, document) }})
	if read, err := client.Offsets(t.Context(), "a"); err != nil || read.String() != document {
		t.Errorf("read %s, %v", read, err)
	}
}

func TestDeleteOfNothing(t *testing.T) {
	client := newClient(t, &wire{answer: func(int, *http.Request) (*http.Response, error) { return message(404, "Connector a not found") }})
	if err := client.Delete(t.Context(), "a"); err != nil {
		t.Errorf("a connector that is gone already: %v", err)
	}
	client = newClient(t, &wire{answer: func(int, *http.Request) (*http.Response, error) { return message(404, "HTTP 404 Not Found") }})
	if err := client.Delete(t.Context(), "a"); err == nil {
		t.Error("a server that is no Kafka Connect passes as having deleted it")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, workers := range [][]string{nil, {""}, {"worker:8083"}, {"/connectors"}, {"http://ok", "://"}, {"http://\x7f"}} {
		if _, err := connect.New(connect.Options{Workers: workers}); err == nil {
			t.Errorf("workers %q are taken", workers)
		}
	}
}

// TestEndedTasksAreLeftOut: an UNASSIGNED task has ended if it is no longer configured;
// else it is changing its worker.
func TestEndedTasksAreLeftOut(t *testing.T) {
	const status = `{"name":"orders","connector":{"state":"STOPPED"},"tasks":[{"id":0,"state":"UNASSIGNED"},{"id":1,"state":"UNASSIGNED"},{"id":2,"state":"PAUSED"}]}`
	for tasks, want := range map[string][]int{
		`[]`: {2},
		`[{"id":{"connector":"orders","task":1},"config":{}}]`: {1, 2},
	} {
		net := &wire{answer: func(_ int, request *http.Request) (*http.Response, error) {
			if strings.HasSuffix(request.URL.Path, "/tasks") {
				return say(http.StatusOK, tasks)
			}
			return say(http.StatusOK, status)
		}}
		client, err := connect.New(connect.Options{Workers: []string{"http://one"}, Transport: net})
		if err != nil {
			t.Fatal(err)
		}
		shown, err := client.Status(t.Context(), "orders")
		var left []int
		for _, task := range shown.Tasks {
			left = append(left, task.ID)
		}
		if err != nil || !slices.Equal(left, want) {
			t.Errorf("configured %s: left %v, want %v, error %v", tasks, left, want, err)
		}
	}
}
