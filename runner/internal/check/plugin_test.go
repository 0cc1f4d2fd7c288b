package check_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func source(version string, settings map[string]string) connecttest.Plugin {
	return connecttest.Plugin{Plugin: connect.Plugin{Class: connecttest.NumberedSource, Type: "source", Version: version}, Settings: settings}
}

// TestPluginsThatDiffer holds what check says of the plugins of two clusters.
func TestPluginsThatDiffer(t *testing.T) {
	knows := map[string]string{"topic": "", "rate": "50", "topics.blacklist": ""}
	later := map[string]string{"topic": "", "rate": "100"}
	for name, test := range map[string]struct {
		origin, target []connecttest.Option
		settings       map[string]string // of the connector
		refuses, warns string
	}{
		"the same": {},
		"a setting that is ignored": {
			origin: []connecttest.Option{connecttest.WithPlugins(source("1.0", knows))}, target: []connecttest.Option{connecttest.WithPlugins(source("2.0", later))},
			settings: map[string]string{"topics.blacklist": "x", "rate": "7"}, warns: "europe ignores topics.blacklist, which global defines",
		},
		"a default that differs": {
			origin: []connecttest.Option{connecttest.WithPlugins(source("1.0", knows))}, target: []connecttest.Option{connecttest.WithPlugins(source("2.0", later))},
			warns: `defaults differ for what the config leaves out: rate ("50" on global, "100" on europe)`,
		},
		"another version": {
			target: []connecttest.Option{connecttest.WithPlugins(source("1.10.0", nil), source("1.9.0", nil))},
			warns:  "1.10.0 on europe, another version than 1.0.0 on global",
		},
		"a pinned version": {
			target:   []connecttest.Option{connecttest.WithPlugins(source("1.10.0", nil), source("1.0.0", nil))},
			settings: map[string]string{"connector.plugin.version": "1.0.0"},
		},
		"a pinned version that is not there": {
			target:   []connecttest.Option{connecttest.WithPlugins(source("1.10.0", nil), source("1.9.0", nil))},
			settings: map[string]string{"connector.plugin.version": "[1.0.0]"},
			refuses:  "europe lacks version 1.0.0 of io.connectferry.lab.NumberedSource, which connector.plugin.version pins; it has 1.9.0 or 1.10.0",
		},
		"a pin that old workers do not know": {
			target:   []connecttest.Option{connecttest.WithVersion("4.0.0"), connecttest.WithPlugins(source("1.0.0", nil), source("1.1.0", nil))},
			settings: map[string]string{"connector.plugin.version": "1.0.0"}, refuses: "do not know connector.plugin.version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := connecttest.NewKafka()
				origin := connecttest.New(append(test.origin, connecttest.WithKafka(shared), connecttest.WithName("global"))...)
				target := connecttest.New(append(test.target, connecttest.WithKafka(shared), connecttest.WithName("europe"))...)
				t.Cleanup(origin.Close)
				t.Cleanup(target.Close)
				settings := connecttest.SourceConfig("numbers", 1)
				for key, value := range test.settings {
					settings = settings.With(key, rawjson.String(value))
				}
				if err := origin.Client().Create(t.Context(), "orders", settings, connect.Running); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				verdict, err := check.Checker{Events: event.Discard{}}.Run(t.Context(), pair.Request{
					Origin: &cluster.Cluster{Name: "global", Client: origin.Client()}, Target: &cluster.Cluster{Name: "europe", Client: target.Client()},
					Connector: "orders",
				})
				if test.refuses == "" && err != nil || test.refuses != "" && (!cluster.IsRefused(err) || !strings.Contains(err.Error(), test.refuses)) {
					t.Errorf("refused: %v, want %q", err, test.refuses)
				}
				said := ""
				for _, finding := range verdict.Findings {
					if finding.Warning && (finding.Check == check.Plugin || finding.Check == check.Definitions) {
						said += finding.Reason + "\n"
					}
				}
				if !strings.Contains(said, test.warns) || test.warns == "" && said != "" {
					t.Errorf("warns %q, want %q", said, test.warns)
				}
			})
		})
	}
}

// TestValidationThatFails refuses what the target's worker cannot even validate.
func TestValidationThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := connecttest.NewKafka()
		origin := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("global"))
		target := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("europe"))
		t.Cleanup(origin.Close)
		t.Cleanup(target.Close)
		target.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if !strings.HasSuffix(r.URL.Path, "/validate") {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"error_code":500,"message":"Could not read properties from file /secrets/db.properties"}`))
		})
		if err := origin.Client().Create(t.Context(), "orders", connecttest.SourceConfig("numbers", 1), connect.Running); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		_, err := check.Checker{Events: event.Discard{}}.Run(t.Context(), pair.Request{
			Origin: &cluster.Cluster{Name: "global", Client: origin.Client()}, Target: &cluster.Cluster{Name: "europe", Client: target.Client()},
			Connector: "orders",
		})
		if want := "europe cannot validate the config: Could not read properties from file /secrets/db.properties; what it refers to must be there too"; !cluster.IsRefused(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	})
}
