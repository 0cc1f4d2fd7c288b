package notice

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func TestIsFor(t *testing.T) {
	for name, test := range map[string]struct {
		owners       []string
		least, level string
		owner        string
		want         bool
	}{
		"everybody's":              {nil, "info", "info", "", true},
		"everybody's, of a team":   {nil, "info", "info", "payments", true},
		"its own":                  {[]string{"billing", "payments"}, "info", "info", "payments", true},
		"another team's":           {[]string{"billing"}, "info", "error", "payments", false},
		"nobody's":                 {[]string{"billing"}, "info", "error", "", false},
		"too low":                  {nil, "error", "warn", "", false},
		"just enough":              {nil, "warn", "warn", "", true},
		"more than enough":         {nil, "warn", "error", "", true},
		"its own, but too low":     {[]string{"billing"}, "warn", "info", "billing", false},
		"part of a name is not it": {[]string{"billing-eu"}, "info", "info", "billing", false},
	} {
		channel := clusterfile.Channel{Owners: test.owners, Level: test.least}
		if got := (Notice{Level: Level(test.level), Owner: test.owner}).isFor(channel); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFormats(t *testing.T) {
	for address, want := range map[string]string{
		"https://acme.webhook.office.com/webhookb2/x":                formatTeams,
		"https://prod-12.westeurope.logic.azure.com:443/workflows/x": formatTeams,
		"https://default1.environment.api.powerplatform.com/x":       formatTeams,
		"https://hooks.slack.com/services/T0/B0/x":                   formatSlack,
		"https://chat.example/hooks/webhook.office.com":              formatSlack,
		"https://evilwebhook.office.com.example/x":                   formatSlack,
		"https://notwebhook.office.community/x":                      formatSlack,
		"https://ACME.Webhook.Office.Com/x":                          formatTeams,
	} {
		hook, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := formatFor(formatAuto, hook); got != want {
			t.Errorf("%s is sent %s, expected %s", address, got, want)
		}
		if got := formatFor(formatJSON, hook); got != formatJSON {
			t.Errorf("%s is sent %s, though json is asked for", address, got)
		}
	}
	flow, err := os.ReadFile("../../../flows/notify.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range teamsHosts {
		if !strings.Contains(string(flow), "contains '"+host+"'") {
			t.Errorf("the flow notify does not know the host %s of Teams", host)
		}
	}
}

var full = Notice{
	Schema: SchemaID, Time: time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC), Level: Error, Message: "<!channel> a & b\n\"c\" > d",
	Owner: "R&D", Connectors: []string{"a", "b"}, Link: "https://k.example/ui?x=1&y=<|>",
}

func TestSlackText(t *testing.T) {
	want := "🔴 &lt;!channel&gt; a &amp; b\n\"c\" &gt; d\nConnector: a, b\nOwner: R&amp;D\n<https://k.example/ui?x=1&amp;y=%3C%7C%3E|Open the execution>"
	var body struct{ Text string }
	if err := json.Unmarshal(full.body(formatSlack), &body); err != nil || body.Text != want {
		t.Errorf("%v\n got %q\nwant %q", err, body.Text, want)
	}
	plain := Notice{Level: Info, Message: "moved", Link: "javascript:alert(1)"}
	if got := string(plain.body(formatSlack)); got != `{"text":"moved\nLink: javascript:alert(1)"}` {
		t.Errorf("plain: %s", got)
	}
}

func TestCard(t *testing.T) {
	want := `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4",` +
		`"body":[{"type":"TextBlock","wrap":true,"text":"<!channel> a & b\n\n\"c\" > d","color":"Attention"},` +
		`{"type":"FactSet","facts":[{"title":"Connector","value":"a, b"},{"title":"Owner","value":"R&D"}]}],` +
		`"actions":[{"type":"Action.OpenUrl","title":"Open the execution","url":"https://k.example/ui?x=1&y=<|>"}]}}]}`
	if got := string(full.body(formatTeams)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	// A million lines are no card that Teams would take.
	long := Notice{Level: Info, Message: strings.Repeat("é\n", 1_000_000), Link: "no link"}.body(formatTeams)
	if len(long) > 28_000 || !json.Valid(long) || strings.Contains(string(long), "\ufffd") || !strings.Contains(string(long), `{"title":"Link","value":"no link"}`) || strings.Contains(string(long), "actions") {
		t.Errorf("the card has %d bytes", len(long))
	}
}

func TestDocument(t *testing.T) {
	for _, n := range []Notice{full, {Schema: SchemaID, Time: full.Time, Level: Info, Message: "m"}} {
		if err := schemas.Check(schemas.Notice, n.body(formatJSON)); err != nil {
			t.Errorf("%s: %v", n.body(formatJSON), err)
		}
	}
}

// send sends a notice to one webhook, whose path is a secret.
func send(ctx context.Context, t *testing.T, handler http.HandlerFunc, format string) ([]event.Channel, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sender := &Sender{Channels: []clusterfile.Channel{{Name: "one", URL: secret.New(server.URL + "/planted?key=planted"), Format: format, Level: "info"}}}
	return sender.Send(ctx, Notice{Level: Info, Message: "m"})
}

func TestAnswers(t *testing.T) {
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere/planted")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		format  string
		want    string
	}{
		"ok":                  {answers(200, "ok"), formatSlack, ""},
		"accepted":            {answers(202, ""), formatTeams, ""},
		"refused with a word": {answers(403, "invalid_token"), formatSlack, "403 Forbidden (invalid_token); correct the channel's url and format, or make a new webhook"},
		"refused with more":   {answers(404, "no hook /planted?key=planted"), formatSlack, "404 Not Found; correct the channel's url and format, or make a new webhook"},
		"redirected":          {answers(302, ""), formatSlack, "302 Found; correct the channel's url and format, or make a new webhook"},
		"broken":              {answers(503, ""), formatJSON, "503 Service Unavailable; the service has a fault of its own"},
		"not delivered":       {answers(200, "Webhook message delivery failed with error: 413"), formatTeams, "not delivered, says Teams; try again, or make a new webhook"},
		"busy for long": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, formatSlack, "429 Too Many Requests; let it be told of less"},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, formatSlack, "no answer: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			channels, err := send(t.Context(), t, test.handler, test.format)
			if test.want == "" {
				if err != nil || len(channels) != 1 || !channels[0].Sent || channels[0].Message != "" {
					t.Fatalf("%v, %v", channels, err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "1 of 1 channels failed: one: webhook at 127.0.0.1:") || !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Fatalf("\n got %v\nwant ... %s", err, test.want)
			}
			if channels[0].Sent || !strings.HasSuffix(err.Error(), channels[0].Message) || strings.Contains(err.Error(), "planted") {
				t.Errorf("%+v", channels[0])
			}
		})
	}
}

// TestBusyForAWhile has a service that wants a pause, and gets the notice after it.
func TestBusyForAWhile(t *testing.T) {
	t.Parallel()
	asked := 0
	_, err := send(t.Context(), t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}, formatSlack)
	if err != nil || asked != 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := send(ctx, t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body) // or the server does not see that the client is gone
		cancel(event.ErrInterrupted)
		<-r.Context().Done()
	}, formatSlack)
	if !errors.Is(err, event.ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}

func TestLate(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errLate)
	defer cancel()
	channel := clusterfile.Channel{URL: secret.New(stuck(t) + "/planted"), Format: formatSlack}
	if err := (Notice{}).post(ctx, channel); !errors.Is(err, errLate) || strings.Contains(err.Error(), "planted") {
		t.Errorf("got %v", err)
	}
}

// stuck is a server that never answers.
func stuck(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestUnreachable(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:9/planted", "http://planted.invalid:80%zz"} {
		sender := &Sender{Channels: []clusterfile.Channel{{Name: "one", URL: secret.New(address), Format: formatAuto, Level: "info"}}}
		if _, err := sender.Send(t.Context(), Notice{Level: Info}); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
