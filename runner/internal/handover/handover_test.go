package handover

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Secrets of the connector, one under a name that gives it away, one in a value.
var planted = map[string]string{
	"db.password":   "planted: \"p$ss\\word\" 'x'",
	"connector.url": "jdbc:postgresql://db/shop?user=u&password=planted-url",
}

// odd are texts that YAML 1.1, a shell, HCL or a template would change.
var odd = map[string]string{
	"a.octal": "0123", "a.time": "1:30:00", "a.float": "1_000.50", "a.big": "9007199254740993", "a.yes": "yes", "a.on": "on", "a.null": "null", "a.tilde": "~",
	"a.empty": "", "a.blanks": "  x  ", "a.lines": "one\ntwo\r\n\tthree\n", "a.hash": "a # b", "a.colon": "a: b", "a.quotes": `"it's"`, "a.back": `C:\new\table`,
	"a.template": "%{if x}y%{endif}", "a.reference": "${file:/etc/keys.properties:user}", "a.class": "org.example.ReplaceField$Value", "a.unicode": "żółw \u0085\u2028🐢",
	"a.long": strings.Repeat("word ", 60), "a.date": "2026-11-24", "a.json": `{"a": ["<b>", 1.0]}`, "on": "a key", "a key:with #": "all kinds",
	"a.password.reference": "${vault:kv/db:password}",
}

// world is a connector in two clusters, moved.
type world struct {
	t              *testing.T
	global, europe *connecttest.Cluster
	request        pair.Request
}

func moved(t *testing.T, connector string, set map[string]string, state connect.State) *world {
	t.Helper()
	w := begun(t, connector, state)
	w.request.Set = set
	mover := &move.Mover{Setup: &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}}
	if result := mover.Move(t.Context(), w.request); result.Outcome != event.Moved {
		t.Fatalf("%s: %s", result.Outcome, result.Message)
	}
	return w
}

// begun is the connector before its move.
func begun(t *testing.T, connector string, state connect.State) *world {
	t.Helper()
	kafka := connecttest.NewKafka()
	w := &world{t: t}
	w.global = connecttest.New(connecttest.WithKafka(kafka), connecttest.WithName("global"))
	w.europe = connecttest.New(connecttest.WithKafka(kafka), connecttest.WithName("europe"))
	t.Cleanup(w.global.Close)
	t.Cleanup(w.europe.Close)
	settings := connecttest.SourceConfig("numbers", 2)
	for _, more := range []map[string]string{planted, odd} {
		for key, value := range more {
			settings = settings.With(key, rawjson.String(value))
		}
	}
	if err := w.global.Client().Create(t.Context(), connector, settings, state); err != nil {
		t.Fatal(err)
	}
	if err := wait.For(t.Context(), 70*time.Second); err != nil {
		t.Fatal(err)
	}
	w.request = pair.Request{
		Origin: &cluster.Cluster{Name: "global", Client: w.global.Client()}, Target: &cluster.Cluster{Name: "europe", Client: w.europe.Client()}, Connector: connector,
	}
	return w
}

func (w *world) config() rawjson.Object {
	w.t.Helper()
	settings, err := w.europe.Client().Config(w.t.Context(), w.request.TargetName())
	if err != nil {
		w.t.Fatal(err)
	}
	return settings
}

func (w *world) handOver(options Options) (Connector, map[string]string) {
	w.t.Helper()
	connector, err := Read(w.t.Context(), w.request, options)
	if err != nil {
		w.t.Fatal(err)
	}
	return connector, written(w.t, connector)
}

func written(t *testing.T, connector Connector) map[string]string {
	t.Helper()
	result, err := connector.Write(Formats)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, file := range result.Files {
		files[file.Name] = file.Content
	}
	return files
}

// TestSecrets: what is taken for one, and what is left as it is.
func TestSecrets(t *testing.T) {
	settings := rawjson.Object{}
	for key, value := range map[string]string{
		"password": "p1", "db.password": "${file:/x:y}", "url": "jdbc:x://h/d?user=${vault:a:u}&password=${vault:a:p}",
		"license": "of-type-password", "license.reference": "${env:LICENSE}", "hidden": "******", "topic": "numbers",
		"sasl.jaas.config": `Plain required username="u" password="p2";`, "ssl.password": "", "tokens": "true",
	} {
		settings = settings.With(key, rawjson.String(value))
	}
	defined := map[string]connect.Definition{"license": {Type: "PASSWORD"}, "license.reference": {Type: "PASSWORD"}, "topic": {Type: "STRING"}}
	var secrets []string
	for _, setting := range settingsOf("orders", settings, defined) {
		if setting.Variable != "" {
			secrets = append(secrets, setting.Key+" "+setting.Variable)
		}
	}
	slices.Sort(secrets)
	want := []string{"hidden ORDERS_HIDDEN", "license ORDERS_LICENSE", "password ORDERS_PASSWORD", "sasl.jaas.config ORDERS_SASL_JAAS_CONFIG"}
	if !slices.Equal(secrets, want) {
		t.Errorf("secrets are %q, want %q", secrets, want)
	}
}

// TestVariables: two settings never share one.
func TestVariables(t *testing.T) {
	taken := map[string]bool{}
	for text, want := range map[string]string{"orders_db.password": "ORDERS_DB_PASSWORD", "1_x": "CONNECTOR_1_X", "ü_key": "KEY", "→": "CONNECTOR"} {
		if got := variable(text, taken); got != want {
			t.Errorf("%q becomes %s, want %s", text, got, want)
		}
	}
	if got := variable("orders-db_password", taken); got != "ORDERS_DB_PASSWORD_2" {
		t.Error(got)
	}
}

// TestUnfit: what a tool could not describe is refused by name, with what to do.
func TestUnfit(t *testing.T) {
	base := []Setting{{Key: "name", Value: "orders"}, {Key: "connector.class", Value: "a.B"}, {Key: "tasks.max", Value: "2"}}
	with := func(more ...Setting) []Setting {
		return append(slices.Clone(base), more...)
	}
	for name, test := range map[string]struct {
		connector Connector
		format    Format
		want      string // "" for fit
	}{
		"all is well":          {Connector{Name: "orders.v1-a", Settings: base}, Strimzi, ""},
		"upper case":           {Connector{Name: "Orders", Settings: base}, Strimzi, "such as orders"},
		"underscore":           {Connector{Name: "_my_orders-", Settings: base}, Strimzi, "such as my-orders"},
		"long":                 {Connector{Name: strings.Repeat("a", 254), Settings: base}, Strimzi, "is no name of a Kubernetes resource"},
		"nothing left":         {Connector{Name: "→", Settings: base}, Strimzi, "such as connector"},
		"zero before":          {Connector{Name: "o", Settings: []Setting{{Key: "connector.class", Value: "a.B"}, {Key: "tasks.max", Value: "02"}}}, Strimzi, `tasks.max is "02"`},
		"none":                 {Connector{Name: "o", Settings: []Setting{{Key: "connector.class", Value: "a.B"}}}, Strimzi, ""},
		"no class":             {Connector{Name: "o", Settings: []Setting{{Key: "tasks.max", Value: "1"}}}, Strimzi, "needs the setting connector.class"},
		"dropped by operator":  {Connector{Name: "o", Settings: with(Setting{Key: "Name", Value: "x"})}, Strimzi, `leaves out the setting "Name"`},
		"null for Strimzi":     {Connector{Name: "o", Settings: with(Setting{Key: "x", Null: true})}, Strimzi, "x is null"},
		"null for ns4kafka":    {Connector{Name: "o", Settings: with(Setting{Key: "x", Null: true})}, Ns4kafka, "x is null"},
		"null for Terraform":   {Connector{Name: "o", Settings: with(Setting{Key: "x", Null: true})}, Terraform, "x is null"},
		"null for JSON":        {Connector{Name: "o", Settings: with(Setting{Key: "x", Null: true})}, JSON, ""},
		"blank for ns4kafka":   {Connector{Name: "my orders", Settings: base}, Ns4kafka, "it takes no connector named"},
		"capital for ns4kafka": {Connector{Name: "My_orders.v1", Settings: base}, Ns4kafka, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.connector.unfit(test.format)
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("unfit: %q, want %q", got, test.want)
			}
			if _, err := test.connector.Write([]Format{test.format}); cluster.IsRefused(err) != (test.want != "") {
				t.Errorf("write: %v", err)
			}
		})
	}
}

// TestValidNames: what is proposed is a name.
func TestValidNames(t *testing.T) {
	for _, name := range []string{"Orders", "_a_", "a..b", "-.-", "ÄÖ", strings.Repeat("a.", 200), strings.Repeat("-x", 200), "a/b%c\\d"} {
		if got := validName(name); !subdomain.MatchString(got) || len(got) > longestSubdomain {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// TestStateIsKept: a connector that was stopped is not started by its handover, and the marks of
// ferry that tell so are in no file.
func TestStateIsKept(t *testing.T) {
	for _, state := range []connect.State{connect.Running, connect.Paused, connect.Stopped} {
		synctest.Test(t, func(t *testing.T) {
			w := moved(t, "orders", nil, state)
			connector, files := w.handOver(Options{ConnectCluster: "connect-eu", Namespace: "kafka"})
			resource := parsed(t, connector, files[fileStrimzi], "strimzi.schema.json")
			if got := resource["spec"].(map[string]any)["state"]; got != strings.ToLower(string(state)) {
				t.Errorf("state %v, want %s", got, state)
			}
			for name, text := range files {
				if strings.Contains(text, "ferry.keep") {
					t.Errorf("%s has a mark:\n%s", name, text)
				}
			}
			if marked := strings.Contains(w.config().String(), "ferry.keep"); marked != connector.Marked || marked != strings.Contains(files["README.md"], "has marks of ferry") {
				t.Errorf("marked %t, and the handover says %t:\n%s", marked, connector.Marked, files["README.md"])
			}
		})
	}
}

// TestNotMoved: only what is on the target is handed over.
func TestNotMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begun(t, "orders", connect.Running)
		read := func(what string) {
			t.Helper()
			if _, err := Read(t.Context(), w.request, Options{}); !cluster.IsRefused(err) {
				t.Errorf("%s: %v", what, err)
			}
		}
		read("on the origin")
		if err := w.europe.Client().Create(t.Context(), "orders", connecttest.SourceConfig("numbers", 2), connect.Stopped); err != nil {
			t.Fatal(err)
		}
		read("prepared")
		if err := w.europe.Client().Resume(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if err := wait.For(t.Context(), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(t.Context(), w.request, Options{}); err == nil || cluster.IsRefused(err) || !strings.Contains(err.Error(), "runs on both") {
			t.Errorf("running twice: %v", err)
		}
		w.request.Connector = "payments"
		read("nowhere")
	})
}

// TestRemovedOrigin: with the origin's copy gone, no step is about it.
func TestRemovedOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := moved(t, "orders", nil, connect.Running)
		if err := w.global.Client().Delete(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		connector, files := w.handOver(Options{})
		if !connector.OriginGone || strings.Contains(files["README.md"], "ferry accept") {
			t.Errorf("the origin's copy is gone, and the README says:\n%s", files["README.md"])
		}
	})
}

// TestUnknownSecretsAreNotGuessed: a worker that does not tell which settings are passwords ends
// the handover.
func TestUnknownSecretsAreNotGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := moved(t, "orders", nil, connect.Running)
		w.europe.Intercept(func(out http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/config/validate") {
				http.Error(out, `{"error_code":500,"message":"no"}`, http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(out, r)
		})
		if _, err := Read(t.Context(), w.request, Options{}); err == nil || !strings.Contains(err.Error(), "which settings are secrets") {
			t.Error(err)
		}
	})
}

var update = flag.Bool("update", false, "rewrite the golden files of the README")

// TestReadme holds the README of a connector with all there is to say against a file to read.
func TestReadme(t *testing.T) {
	connector := Connector{
		Name: "orders_eu", NameOnOrigin: "orders", Origin: "global", Target: "europe", ConnectCluster: "connect-eu", Namespace: "kafka",
		State: connect.Running, ConfigSHA256: "0f", Settings: []Setting{{Key: "connector.class", Value: "a.B"}, {Key: "db.password", Variable: "ORDERS_EU_DB_PASSWORD"}},
	}
	connector.placeheldSecrets = connector.Settings[1:]
	for name, change := range map[string]func(*Connector){
		"README.md": func(*Connector) {},
		"README-accepted.md": func(c *Connector) {
			c.Name, c.OriginGone, c.State, c.placeheldSecrets = "orders", true, connect.Paused, nil
		},
	} {
		one := connector
		change(&one)
		got := written(t, one)["README.md"]
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from what is written now:\n%s", golden, got)
		}
	}
}
